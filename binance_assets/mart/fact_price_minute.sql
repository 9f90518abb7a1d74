-- Minutes of sampled prices as they are read. They are stored as their close and the differences to it, most of which
-- are zero or small: a sealed day is a third as large as it would be with the columns below.
create or replace view lake.sampled_minute as
with minute as (
    select
        *,
        (close_price::decimal(28, 8) * observation_count + sum_over_close) / observation_count as average_price
    from lake.fact_price_minute
),

way as (
    select distinct
        pair_key,
        path
    from meta.usdt_way
)

select
    minute.pair_key,
    date,
    (year(date) * 10000 + month(date) * 100 + day(date))::integer as date_key,
    (hour(minute_utc) * 60 + minute(minute_utc))::integer as time_key,
    minute_utc,
    source,
    average_price,
    average_price + time_weighted_over_average as time_weighted_price,
    (close_price + open_over_close)::decimal(18, 8) as open_price,
    (close_price + high_over_close)::decimal(18, 8) as high_price,
    (close_price - close_over_low)::decimal(18, 8) as low_price,
    close_price,
    observation_count,
    expected_count,
    if(observation_count = 0, 0, least(1, observation_count / expected_count))::double as coverage,
    observation_count = 0 as is_gap,
    filled_price,
    if(filled_price is null, 'none', 'carried_forward') as fill_method,
    if(observation_count = 0, epoch_us(minute_utc - last_observed_at) / 1e6, 0)::double as staleness_seconds,
    last_observed_at,
    average_price * usdt_rate as price_usdt,
    if(usdt_pair_key is null and usdt_rate is not null, 'USDT', way.path) as usdt_path,
    if(observation_count = 0, null, 'observations') as average_kind,
    null::decimal(38, 8) as volume,
    null::decimal(38, 8) as quote_volume,
    null::integer as trade_count
from minute
left join way on minute.usdt_pair_key = way.pair_key;

-- Together with candles. What was paid over what was traded is told in fifteen digits: a price has fewer, so that the
-- last digits of a division of doubles never put it above the high or below the low. (A quote volume is zero although
-- something was traded where less was paid than its decimals can tell.)
create or replace view mart.fact_price_minute as
from lake.sampled_minute
union all
select
    pair_id as pair_key,
    date,
    (year(date) * 10000 + month(date) * 100 + day(date))::integer as date_key,
    (hour(open_at) * 60 + minute(open_at))::integer as time_key,
    open_at as minute_utc,
    source,
    if(
        quote_volume > 0,
        round(quote_volume / volume, 14 - floor(log10(quote_volume / volume))::integer),
        close_price::double
    ) as average_price,
    null::double as time_weighted_price,
    open_price,
    high_price,
    low_price,
    close_price,
    1 as observation_count,
    1 as expected_count,
    1::double as coverage,
    false as is_gap,
    null::decimal(18, 8) as filled_price,
    'none' as fill_method,
    0::double as staleness_seconds,
    null::timestamp as last_observed_at,
    average_price * usdt_rate as price_usdt,
    usdt_path,
    if(quote_volume > 0, 'volume_weighted', 'close') as average_kind,
    volume,
    quote_volume,
    trade_count
from raw.kline;
