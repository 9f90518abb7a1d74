-- What should agree, in the two days before the newest price.
select *
from mart.fact_parity_hour
where
    source = $source
    and hour_utc >= $newest_price_at::timestamp - interval 48 hour
    and hour_utc < $newest_price_at::timestamp
