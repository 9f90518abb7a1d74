-- Gaps of the pairs that minutes are shown of, and those of the whole market, in the two days of these.
select
    pair.symbol,
    gap.from_utc,
    gap.to_utc,
    gap.cause,
    gap.evidence
from gap
left join pair using (pair_key)
where
    (pair.symbol in (select unnest($symbols::varchar[])) or gap.pair_key is null)
    and gap.from_utc <= $newest_minute::timestamp
    and (gap.to_utc > $newest_minute::timestamp - interval 48 hour or gap.to_utc is null)
order by gap.from_utc, pair.symbol
