-- Coverage by hour of the two days before the newest price, of what was sampled.
select
    pair_key,
    hour_utc,
    coverage
from mart.fact_price_hour
where
    source = $source
    and date >= $newest_price_at::timestamp - interval 3 day
    and hour_utc >= $newest_price_at::timestamp - interval 48 hour
    and hour_utc < $newest_price_at::timestamp
