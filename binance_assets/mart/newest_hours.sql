-- The mean price of a pair in each of the 24 hours up to the one of $newest_at, empty where none is there.
select
    hour.hour_utc,
    price_hour.average_price
from
    generate_series(
        date_trunc('hour', $newest_at::timestamp) - interval 23 hour,
        date_trunc('hour', $newest_at::timestamp),
        interval 1 hour
    ) as hour (hour_utc)
left join (
    select
        hour_utc,
        average_price
    from mart.price_hour
    where
        date >= ($newest_at::timestamp - interval 1 day)::date
        and pair_key = (select pair_key from mart.dim_pair where symbol = $symbol)
) as price_hour
    on hour.hour_utc = price_hour.hour_utc
order by hour.hour_utc
