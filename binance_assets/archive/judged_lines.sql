-- A close look at the lines of candles in the temporary table `written`: what stands in each, and which rule it breaks.
-- They are of one part or several, such as files, each with the span of time that it is of, the length of its candles
-- and the unit of its times.
create or replace temp table line as
with split as (
    select
        *,
        [field[1], field[7], field[9]] as integer_field,
        field[2:6] || [field[8], field[10], field[11]] as decimal_field
    from written
),

number as (
    select
        part,
        line,
        text,
        since,
        until,
        length_us,
        is_in_microseconds,
        len(field) = 12 as has_twelve_fields,
        list_bool_and([regexp_full_match(it, '-?[0-9]{1,18}') for it in integer_field])
        and list_bool_and([regexp_full_match(it, '-?[0-9]+(\.[0-9]+)?') for it in decimal_field]) as has_numbers,
        list_bool_and([regexp_full_match(it, '-?[0-9]+(\.[0-9]{1,8}0*)?') for it in decimal_field]) as is_exact,
        list_bool_and([regexp_full_match(it, '-?[0-9]+\.[0-9]{8}') for it in decimal_field]) as has_eight_decimals,
        try_cast(field[1] as bigint) as open_time,
        try_cast(field[2] as decimal(18, 8)) as open_price,
        try_cast(field[3] as decimal(18, 8)) as high_price,
        try_cast(field[4] as decimal(18, 8)) as low_price,
        try_cast(field[5] as decimal(18, 8)) as close_price,
        try_cast(field[6] as decimal(38, 8)) as volume,
        try_cast(field[7] as bigint) as close_time,
        try_cast(field[8] as decimal(38, 8)) as quote_volume,
        try_cast(field[9] as integer) as trade_count,
        try_cast(field[10] as decimal(38, 8)) as taker_buy_volume,
        try_cast(field[11] as decimal(38, 8)) as taker_buy_quote_volume,
        case
            when open_time between 1_000_000_000_000 and 9_999_999_999_999 then 1000
            when open_time between 1_000_000_000_000_000 and 9_999_999_999_999_999 then 1
        end as unit_us,
        if(unit_us is not null, make_timestamp(open_time * unit_us), null) as open_at
    from split
)

select
    number.*,
    number.close_time - number.open_time < number.length_us // number.unit_us - 1 as closes_early,
    case
        when
            number.line = 1
            and number.has_twelve_fields
            and regexp_full_match(
                replace(lower(number.text), ' ', '_'),
                'open_?time,open,high,low,close,volume,close_?time,quote_(asset_)?volume,(count|number_of_trades),'
                || 'taker_buy_(base_)?(asset_)?volume,taker_buy_quote_(asset_)?volume,ignore'
            )
            then 'header'
        when not number.has_twelve_fields then 'wrong_columns'
        when number.has_numbers is not true then 'malformed'
        when
            not number.is_exact
            or number.open_price is null
            or number.high_price is null
            or number.low_price is null
            or number.close_price is null
            or number.volume is null
            or number.quote_volume is null
            or number.trade_count is null
            or number.taker_buy_volume is null
            or number.taker_buy_quote_volume is null
            then 'not_exact'
        when number.unit_us is null or (number.unit_us = 1) <> number.is_in_microseconds then 'wrong_unit'
        when number.open_at < number.since or number.open_at >= number.until then 'outside_span'
        when
            number.open_time % (number.length_us // number.unit_us) <> 0
            or number.close_time - number.open_time not between 0 and number.length_us // number.unit_us - 1
            then 'not_a_minute'
        when
            least(number.open_price, number.high_price, number.low_price, number.close_price) <= 0
            or least(
                number.volume, number.quote_volume, number.trade_count, number.taker_buy_volume,
                number.taker_buy_quote_volume
            ) < 0
            then 'negative'
        when
            number.low_price > least(number.open_price, number.close_price)
            or number.high_price < greatest(number.open_price, number.close_price)
            then 'high_below_low'
        when (number.volume = 0) <> (number.trade_count = 0) then 'volume_without_trades'
    end as fault
from number;

-- Of lines with the same minute the first stands for all if they say the same, and none does if they do not.
update line
set fault = twin.fault
from (
    select
        part,
        line,
        case
            when
                count(distinct row(
                    open_price, high_price, low_price, close_price, volume, quote_volume, trade_count,
                    taker_buy_volume, taker_buy_quote_volume
                )) over same_minute > 1
                then 'contradicting'
            when line > min(line) over same_minute then 'repeated'
        end as fault
    from line
    where fault is null
    window same_minute as (partition by part, open_at)
) as twin
where line.part = twin.part and line.line = twin.line and twin.fault is not null;
