-- The days of a month's candles, from its hours.
delete from mart.fact_price_day
where source in ('archive', 'rest') and strftime(date_utc, '%Y-%m') = $month;

-- Sums of doubles are made in order of time, since their last digits depend on the order.
insert into mart.fact_price_day by name
select
    pair_id as pair_key,
    date_key(date) as date_key,
    date as date_utc,
    source,
    if(
        sum(quote_volume) > 0,
        round(
            sum(quote_volume) / sum(volume),
            14 - floor(log10(sum(quote_volume) / sum(volume)))::integer
        ),
        sum(average_price * candle_count order by hour_utc) / sum(candle_count)
    ) as average_price,
    arg_min(open_price, hour_utc) as open_price,
    max(high_price) as high_price,
    min(low_price) as low_price,
    arg_max(close_price, hour_utc) as close_price,
    sum(candle_count) as observation_count,
    sum(candle_count) as expected_count,
    sum(candle_count) / 1440 as coverage,
    sum(candle_count) as observed_minutes,
    0 as filled_minutes,
    1440 - observed_minutes as missing_minutes,
    if(
        sum(quote_volume) filter (where price_usdt is not null) > 0,
        sum(price_usdt * volume order by hour_utc) / sum(volume) filter (where price_usdt is not null),
        sum(price_usdt * candle_count order by hour_utc) / sum(candle_count) filter (where price_usdt is not null)
    ) as price_usdt,
    case
        when min(usdt_path) < max(usdt_path) then 'several'
        else min(usdt_path)
    end as usdt_path,
    if(sum(quote_volume) > 0, 'volume_weighted', 'close') as average_kind,
    sum(volume) as volume,
    sum(quote_volume) as quote_volume,
    sum(trade_count) as trade_count
from raw.kline_hour
where month = $month
group by pair_id, date, source
order by date, pair_id, source;
