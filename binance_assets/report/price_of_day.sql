-- The last price that every pair had on a day, and whether it was trading when the day ended.
create or replace temp table quoted as
with hour as (
    select
        pair_key,
        max_by(close_price, hour_utc) as price,
        max_by(close_price_text, hour_utc) as price_text,
        max(hour_utc) as priced_at,
        -- As in mart.fact_price_latest: stale is also what is known not to have moved for a day.
        min(low_price) = max(high_price) and count(*) >= 23 as is_unmoved
    from fact_price_hour
    where hour_utc >= $day::date and hour_utc < $day::date + interval 1 day and close_price is not null
    group by pair_key
),

rule as (
    -- What was last said of it by then. Nothing at all where the metadata is younger: then it counts.
    select
        pair_key,
        max_by(is_trading, valid_from) and max(valid_to) >= $day::date + interval 1 day as is_trading,
        max_by(tick_size, valid_from) as tick_size,
        max_by(tick_size_text, valid_from) as tick_size_text
    from dim_pair_history
    where valid_from < $day::date + interval 1 day
    group by pair_key
)

select
    dim_pair.pair_key,
    dim_pair.symbol,
    dim_pair.base_code,
    dim_pair.quote_code,
    hour.price,
    hour.price_text,
    rule.tick_size,
    rule.tick_size_text,
    hour.priced_at,
    coalesce(rule.is_trading, true) as is_trading,
    coalesce(rule.is_trading, true) and not hour.is_unmoved as is_counted
from hour
inner join dim_pair using (pair_key)
left join rule using (pair_key)
