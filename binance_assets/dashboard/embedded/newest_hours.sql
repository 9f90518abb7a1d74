-- Coverage by hour of the two days before the data time, of what was sampled.
select
    pair_key,
    hour_utc,
    coverage
from mart.fact_price_hour
where
    source = $source
    and date >= $data_until::timestamp - interval 3 day
    and hour_utc >= $data_until::timestamp - interval 48 hour
    and hour_utc < $data_until::timestamp
