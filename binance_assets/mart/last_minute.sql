-- The newest complete minute of a pair that was sampled.
select
    dim_pair.symbol,
    minute.minute_utc,
    minute.average_price,
    minute.time_weighted_price,
    minute.observation_count,
    minute.expected_count,
    minute.coverage,
    minute.source
from lake.sampled_minute as minute
inner join mart.dim_pair using (pair_key)
where
    dim_pair.symbol = $symbol
    and not minute.is_gap
    and minute.date >= (select max(observed_at) - interval 1 day from meta.latest_price)::date
order by minute.minute_utc desc
limit 1
