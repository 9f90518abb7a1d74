-- The exchange's own candles of hours and days beside what its candles of minutes roll up to, of the pairs and days in
-- the temporary table `quality_pair`, from $since up to $until. By the temporary table `covered` the exchange was asked
-- for these hours and days, and what there is of their minutes is known.
--
-- A minute without trades has the price before it, which counts only where the whole hour, or day, has no trades.
create or replace temp table compared_roll_up as
with known as (
    select *
    from covered
    where from_utc < $until and to_utc > $since and pair_id in (select pair_key from quality_pair)
),

hour as (
    select
        pair_id,
        '1h' as candle_interval,
        date_trunc('hour', open_at) as begins_at,
        coalesce(
            arg_min(open_price, open_at) filter (where trade_count > 0), arg_min(open_price, open_at)
        ) as open_price,
        coalesce(max(high_price) filter (where trade_count > 0), max(high_price)) as high_price,
        coalesce(min(low_price) filter (where trade_count > 0), min(low_price)) as low_price,
        arg_max(close_price, open_at) as close_price,
        sum(volume) as volume,
        sum(quote_volume) as quote_volume,
        sum(trade_count)::integer as trade_count
    from raw.kline
    where
        date >= $since
        and date < $until
        and (pair_id, date) in (select row(pair_key, date_utc) from quality_pair)
        and pair_id in (select pair_id from known where candle_interval <> '1m')
    group by pair_id, date_trunc('hour', open_at)
),

day as (
    select
        hour.pair_id,
        '1d' as candle_interval,
        date_trunc('day', hour.begins_at)::timestamp as begins_at,
        coalesce(
            arg_min(hour.open_price, hour.begins_at) filter (where hour.trade_count > 0),
            arg_min(hour.open_price, hour.begins_at)
        ) as open_price,
        coalesce(max(hour.high_price) filter (where hour.trade_count > 0), max(hour.high_price)) as high_price,
        coalesce(min(hour.low_price) filter (where hour.trade_count > 0), min(hour.low_price)) as low_price,
        arg_max(hour.close_price, hour.begins_at) as close_price,
        sum(hour.volume) as volume,
        sum(hour.quote_volume) as quote_volume,
        sum(hour.trade_count)::integer as trade_count
    from hour
    group by hour.pair_id, date_trunc('day', hour.begins_at)
),

made as (
    select *
    from hour
    union all by name
    select *
    from day
),

rolled_up as (
    select
        pair_id,
        candle_interval,
        begins_at,
        {
            'open': open_price,
            'high': high_price,
            'low': low_price,
            'close': close_price,
            'volume': volume,
            'quote_volume': quote_volume,
            'trades': trade_count
        } as candle
    from made
),

given as (
    select
        pair_id,
        candle_interval,
        open_at as begins_at,
        {
            'open': open_price,
            'high': high_price,
            'low': low_price,
            'close': close_price,
            'volume': volume,
            'quote_volume': quote_volume,
            'trades': trade_count
        } as candle
    from raw.long_kline
    where
        open_at >= $since
        and open_at < $until
        and (pair_id, open_at::date) in (select row(pair_key, date_utc) from quality_pair)
),

either as (
    select
        pair_id,
        candle_interval,
        begins_at,
        begins_at + if(candle_interval = '1h', interval 1 hour, interval 1 day) as ends_at,
        given.candle as given_candle,
        rolled_up.candle as made_candle
    from given
    full join rolled_up using (pair_id, candle_interval, begins_at)
)

select
    either.pair_id as pair_key,
    either.begins_at::date as date_utc,
    either.candle_interval,
    either.begins_at,
    either.given_candle as of_exchange,
    either.made_candle as of_minutes,
    not coalesce(either.given_candle = either.made_candle, false) as is_differing
from either
inner join known as asked
    on
        either.pair_id = asked.pair_id
        and either.candle_interval = asked.candle_interval
        and either.begins_at >= asked.from_utc
        and either.ends_at <= asked.to_utc
inner join known as minutes
    on
        either.pair_id = minutes.pair_id
        and minutes.candle_interval = '1m'
        and either.begins_at >= minutes.from_utc
        and either.ends_at <= minutes.to_utc;
