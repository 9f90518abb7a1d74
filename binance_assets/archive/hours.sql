-- The hours of the pairs from $first_pair to $last_pair. One thread reads their candles, in order: the last digits of
-- sums of doubles depend on that.
set threads = 1;

insert into hour by name
select
    pair_id,
    date_trunc('hour', open_at) as hour_utc,
    hour_utc::date as date,
    source,
    arg_min(open_price, open_at) as open_price,
    max(high_price) as high_price,
    min(low_price) as low_price,
    arg_max(close_price, open_at) as close_price,
    sum(volume) as volume,
    sum(quote_volume) as quote_volume,
    sum(trade_count) as trade_count,
    count(*) as candle_count,
    -- In fifteen digits, as in mart.fact_price_minute.
    if(
        sum(quote_volume) > 0,
        round(
            sum(quote_volume) / sum(volume),
            14 - floor(log10(sum(quote_volume) / sum(volume)))::integer
        ),
        avg(close_price)
    ) as average_price,
    if(
        sum(quote_volume) filter (where usdt_rate is not null) > 0,
        sum(quote_volume * usdt_rate) / sum(volume) filter (where usdt_rate is not null),
        avg(close_price * usdt_rate)
    ) as price_usdt,
    case
        when min(usdt_path) < max(usdt_path) then 'several'
        else min(usdt_path)
    end as usdt_path
from rated_candle
where pair_id between $first_pair and $last_pair
group by pair_id, hour_utc, source;
