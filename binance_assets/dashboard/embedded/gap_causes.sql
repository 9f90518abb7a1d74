-- Gaps of the newest seven days by cause, for each group of pairs; those of the whole market have no group. One that
-- lasts is known up to the last sample, which may have failed.
with recent as (
    select
        pair_key,
        cause,
        to_utc is null as is_open,
        repaired_at is not null as is_repaired,
        greatest(from_utc, $data_until::timestamp - interval 7 day) as from_utc,
        coalesce(to_utc, $sampled_until::timestamp) as to_utc
    from gap
    where coalesce(to_utc, $sampled_until::timestamp) > $data_until::timestamp - interval 7 day
)

select
    quote,
    status,
    sector,
    cause,
    count(*) as gaps,
    count(distinct pair_key) as pairs,
    count(*) filter (where is_open) as open_gaps,
    count(*) filter (where is_repaired) as repaired,
    sum(greatest(epoch(to_utc - from_utc), 0)) / 3600 as hours
from recent
left join pair using (pair_key)
group by quote, status, sector, cause
order by quote, status, sector, cause
