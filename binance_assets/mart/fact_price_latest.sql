-- The newest prices, gathered in the temporary table `latest`, judged and ranked. $newest_at is the newest of all.
create or replace temp table judged as
with span as (
    -- The whole hours of the day before the newest observation, and the minutes of the hour that runs.
    select
        pair_key,
        hour_utc as from_utc,
        low_price,
        high_price
    from lake.fact_price_hour
    where
        date >= ($newest_at - interval 1 day)::date
        and hour_utc >= $newest_at - interval 1 day
        and observation_count > 0
    union all
    select
        pair_key,
        minute_utc as from_utc,
        close_price - close_over_low as low_price,
        close_price + high_over_close as high_price
    from open.fact_price_minute
    where minute_utc >= date_trunc('hour', $newest_at) and observation_count > 0
),

day_of_prices as (
    -- What each pair did in that time, and whether all of it is in the data.
    select
        pair_key,
        min(low_price) as low_price,
        max(high_price) as high_price,
        min(from_utc) <= $newest_at - interval 23 hour as is_whole
    from span
    group by pair_key
)

select
    latest.*,
    dim_pair.quote_code,
    not dim_pair.is_trading
    or latest.observed_at < $newest_at - interval 1 day
    or coalesce(
        day_of_prices.is_whole and day_of_prices.low_price = latest.price and day_of_prices.high_price = latest.price,
        false
    ) as is_stale,
    if(
        latest.price >= 1,
        length(trunc(latest.price)::bigint::varchar) - 1,
        -1 - length(regexp_extract(latest.price::varchar, '\.(0*)', 1))
    )::integer as price_band_order
from latest
inner join mart.dim_pair using (pair_key)
left join day_of_prices using (pair_key);

delete from mart.fact_price_latest;

insert into mart.fact_price_latest by name
select
    pair_key,
    observed_at,
    price,
    price_usdt,
    usdt_path,
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
from judged
order by pair_key;
