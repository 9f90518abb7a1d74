-- Spans of time in which newest prices lie that are not in mart.fact_price_latest as they should be: one for the newest
-- snapshot, and few others for pairs that are no longer quoted. Each is looked up by itself, so that the time between
-- them is never read. What is in it and is two days old is right: sealed days do not change, and one that is opened
-- again takes its rows out.
with due as (
    select observed_at
    from meta.latest_price
    where
        observed_at > (select max(observed_at) - interval 2 day from meta.latest_price)
        or not exists (
            from mart.fact_price_latest
            where
                fact_price_latest.pair_key = latest_price.pair_id
                and fact_price_latest.observed_at = latest_price.observed_at
                and fact_price_latest.source = latest_price.source
        )
),

instant as (
    select
        observed_at,
        coalesce(observed_at - lag(observed_at) over (order by observed_at) > interval 10 minute, true) as begins
    from (select distinct observed_at from due) as seen
),

numbered as (
    select
        observed_at,
        sum(begins::integer) over (order by observed_at) as span
    from instant
)

select
    min(observed_at) as since,
    max(observed_at) as until
from numbered
group by span
order by since
