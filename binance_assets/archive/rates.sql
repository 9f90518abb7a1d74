-- What one unit of each quote currency of the month's pairs was worth in USDT, minute by minute, by the candles of the
-- pairs on the way: the most preferred way of meta.usdt_way whose pairs were trading then, and have a candle.
create or replace temp table way as
select *
from usdt_way
where
    code in (
        select quotes.quote_code
        from quotes
        where quotes.pair_id in (select month_candle.pair_id from month_candle)
    );

create or replace temp table leg as
select
    pair_id,
    open_at,
    -- A quote volume can be zero although something was traded: half of its last decimal, or less, was paid.
    if(quote_volume > 0, quote_volume / volume, close_price::double) as price
from month_candle
where
    pair_id in (
        select unnest([pair_key, via_pair_key])
        from way
    );

create or replace temp table rate as
select
    way.code as quote_code,
    leg.open_at,
    arg_min(
        pow(leg.price, way.exponent) * coalesce(via.price, 1), way.preference
    ) as usdt_rate,
    arg_min(way.path, way.preference) as usdt_path
from leg
inner join way
    on
        leg.pair_id = way.pair_key
        and leg.open_at >= way.valid_from
        and leg.open_at < way.valid_to
left join leg as via
    on
        way.via_pair_key = via.pair_id
        and leg.open_at = via.open_at
where way.via_pair_key is null or via.pair_id is not null
group by way.code, leg.open_at;

create view rated_candle as
select
    month_candle.pair_id,
    month_candle.open_at,
    month_candle.open_at::date as date,
    month_candle.open_price,
    month_candle.high_price,
    month_candle.low_price,
    month_candle.close_price,
    month_candle.volume,
    month_candle.quote_volume,
    month_candle.trade_count,
    month_candle.taker_buy_volume,
    month_candle.taker_buy_quote_volume,
    if(month_candle.file_key is null, 'rest', 'archive') as source,
    month_candle.file_key,
    if(quotes.quote_code = 'USDT', 1, rate.usdt_rate)::double as usdt_rate,
    if(quotes.quote_code = 'USDT', 'USDT', rate.usdt_path) as usdt_path
from month_candle
inner join quotes using (pair_id)
left join rate on quotes.quote_code = rate.quote_code and month_candle.open_at = rate.open_at;
