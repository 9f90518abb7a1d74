-- Pairs against what their base and quote are worth in USDT in the newest hour, for each group of pairs.
select
    quote,
    status,
    sector,
    hour_utc,
    count(*) as pairs,
    count(*) filter (where is_beyond) as beyond
from newest_parities
inner join pair using (pair_key)
where
    kind = 'cross'
    and hour_utc = (select max(newest_parities.hour_utc) from newest_parities)
group by quote, status, sector, hour_utc
order by quote, status, sector
