-- Stores the candles of the lines that were judged; of several of the same time that of the response that was landed
-- last. Those of hours and days stand apart: nothing is made of them, they are compared.
create or replace temp table judged_candle as
select
    kline_response.candle_interval,
    kline_response.pair_id,
    line.open_at,
    line.open_price,
    line.high_price,
    line.low_price,
    line.close_price,
    line.volume,
    line.quote_volume,
    line.trade_count,
    line.taker_buy_volume,
    line.taker_buy_quote_volume,
    kline_response.capture_id
from line
inner join kline_response on line.part = kline_response.capture_id
where line.fault is null
qualify
    row_number() over (
        partition by kline_response.candle_interval, kline_response.pair_id, line.open_at
        order by kline_response.file desc, kline_response.received_at desc, kline_response.capture_id desc
    ) = 1;

create or replace temp table rest_candle as
select * exclude (candle_interval)
from judged_candle
where candle_interval = '1m';

create or replace temp table long_candle as
from judged_candle
where candle_interval <> '1m';

delete from raw.rest_kline
using rest_candle
where rest_kline.pair_id = rest_candle.pair_id and rest_kline.open_at = rest_candle.open_at;

insert into raw.rest_kline by name
select *
from rest_candle
order by pair_id, open_at;

insert or ignore into meta.open_kline_month by name
select distinct
    strftime(open_at, '%Y-%m') as month,
    pair_id
from rest_candle;

-- The first candle after a day is compared with the day's last.
insert or ignore into meta.open_quality_day by name
select distinct
    unnest([open_at::date, open_at::date + 1]) as date_utc,
    pair_id as pair_key
from rest_candle;

delete from raw.long_kline
using long_candle
where
    long_kline.pair_id = long_candle.pair_id
    and long_kline.candle_interval = long_candle.candle_interval
    and long_kline.open_at = long_candle.open_at;

insert into raw.long_kline by name
select *
from long_candle
order by pair_id, candle_interval, open_at;

-- Also a day of which the exchange has no candle is compared.
insert or ignore into meta.open_quality_day by name
select distinct
    unnest(generate_series(since::date::timestamp, until - interval 1 microsecond, interval 1 day))::date as date_utc,
    pair_id as pair_key
from kline_response
where candle_interval <> '1m' and since < until;

insert or ignore into meta.long_kline_answer by name
select
    capture_id,
    candle_interval,
    pair_id,
    since as from_utc,
    until as to_utc,
    received_at as answered_at
from kline_response
where candle_interval <> '1m' and since < until;

insert or ignore into meta.kline_answer by name
select
    capture_id,
    pair_id,
    since as from_utc,
    until as to_utc,
    received_at as answered_at
from kline_response
where candle_interval = '1m' and since < until;

-- A candle of the time that was running is what the exchange sends as well, and no fault of it.
insert into open.quarantine by name
select
    line.part as capture_id,
    line.line as position,
    kline_response.received_at as retrieved_at,
    line.text as "row",
    case line.fault
        when 'wrong_columns' then 'it does not have the twelve fields of a candle'
        when 'malformed' then 'one of its fields is no number'
        when 'not_exact' then 'one of its numbers has more than eight decimals, or more digits than fit'
        when 'wrong_unit' then 'its times are not in milliseconds'
        when 'outside_span' then concat('it is of ', kline_response.what, ' that was not asked for')
        when 'not_a_minute' then concat('it does not begin and end with ', kline_response.what)
        when 'negative' then 'one of its prices is not above zero, or an amount below it'
        when 'high_below_low' then 'its low is above, or its high below, its open or close'
        when 'volume_without_trades' then 'it has volume and no trades, or trades and no volume'
        when 'repeated' then 'its time stood in the response before; the first row was kept'
        when 'contradicting' then 'other rows of the response say something else of its time'
        else line.fault
    end as reason
from line
inner join kline_response on line.part = kline_response.capture_id
where
    line.fault is not null
    and not coalesce(
        line.fault = 'outside_span'
        and line.open_at >= kline_response.running_at
        and line.open_at < kline_response.asked_until,
        false
    )
    and not exists (from raw.quarantine where quarantine.capture_id = line.part)
order by line.part, line.line;
