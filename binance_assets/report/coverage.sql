-- How much of every hour of a day is there, over all pairs that were priced on it; empty where none has a row.
with price_hour as (
    select
        pair_key,
        hour_utc,
        coverage
    from fact_price_hour
    where hour_utc >= $day::date and hour_utc < $day::date + interval 1 day
),

priced as (
    select pair_key
    from price_hour
    union
    select pair_key
    from quoted
    where priced_at >= $day::date
)

select
    hour.hour_utc,
    -- A pair without a row in the hour counts 0: else the candles of a few pairs would pass for the market.
    sum(price_hour.coverage) / (select count(*) from priced) as coverage,
    count(price_hour.pair_key) as pairs
from generate_series($day::date::timestamp, $day::date + interval 23 hour, interval 1 hour) as hour (hour_utc)
left join price_hour on hour.hour_utc = price_hour.hour_utc
group by hour.hour_utc
order by hour.hour_utc
