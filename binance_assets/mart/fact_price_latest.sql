-- Made anew each time from the newest price of every pair.
delete from mart.fact_price_latest;

insert into mart.fact_price_latest by name
with newest as (
    select max(observed_at) as newest_at
    from meta.latest_price
),

day_of_prices as (
    -- What each pair did in the day before the newest observation, and whether that day is in the data at all.
    select
        fact_price_minute.pair_key,
        min(fact_price_minute.low_price) as low_price,
        max(fact_price_minute.high_price) as high_price,
        min(fact_price_minute.minute_utc) <= any_value(newest.newest_at) - interval 23 hour as is_whole
    from mart.fact_price_minute
    cross join newest
    where not fact_price_minute.is_gap and fact_price_minute.minute_utc >= newest.newest_at - interval 1 day
    group by fact_price_minute.pair_key
),

latest as (
    select
        fact_price.pair_key,
        fact_price.observed_at,
        fact_price.price,
        fact_price.price_usdt,
        fact_price.source,
        dim_pair.quote_code,
        not dim_pair.is_trading
        or fact_price.observed_at < newest.newest_at - interval 1 day
        or coalesce(
            day_of_prices.is_whole
            and day_of_prices.low_price = fact_price.price
            and day_of_prices.high_price = fact_price.price,
            false
        ) as is_stale,
        if(
            fact_price.price >= 1,
            length(trunc(fact_price.price)::bigint::varchar) - 1,
            -1 - length(regexp_extract(fact_price.price::varchar, '\.(0*)', 1))
        )::integer as price_band_order
    from mart.fact_price
    semi join meta.latest_price
        on
            fact_price.pair_key = latest_price.pair_id
            and fact_price.observed_at = latest_price.observed_at
            and fact_price.source = latest_price.source
    inner join mart.dim_pair on fact_price.pair_key = dim_pair.pair_key
    cross join newest
    left join day_of_prices on fact_price.pair_key = day_of_prices.pair_key
    where fact_price.observed_at in (select observed_at from meta.latest_price)
)

select
    pair_key,
    observed_at,
    price,
    price_usdt,
    is_stale,
    source,
    if(
        is_stale, null, rank() over (partition by quote_code, is_stale order by price desc)
    )::integer as price_rank_in_quote,
    concat(
        format('{:.{}f}', pow(10, price_band_order), greatest(0, -price_band_order)),
        ' to ',
        format('{:.{}f}', pow(10, price_band_order + 1), greatest(0, -price_band_order - 1))
    ) as price_band,
    price_band_order
from latest
order by pair_key;
