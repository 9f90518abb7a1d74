-- Of the exchange's own candles of longer spans, $candles as the API gives them, those that are not what the one-minute
-- candles of the pair $symbol roll up to. A minute without a candle has no trades, and changes nothing.
with element as (
    select unnest(from_json($candles::json, '[["varchar"]]')) as field
),

given as (
    select
        make_timestamp(field[1]::bigint * 1000) as opened_at,
        make_timestamp((field[7]::bigint + 1) * 1000) as closed_at,
        field[2]::decimal(18, 8) as open_price,
        field[3]::decimal(18, 8) as high_price,
        field[4]::decimal(18, 8) as low_price,
        field[5]::decimal(18, 8) as close_price,
        field[6]::decimal(38, 8) as volume,
        field[8]::decimal(38, 8) as quote_volume,
        field[9]::integer as trade_count
    from element
),

minute as (
    select kline.*
    from raw.kline
    inner join core.pair on kline.pair_id = pair.pair_id
    where
        pair.symbol = $symbol
        and kline.date >= (select min(opened_at)::date from given)
        and kline.date < (select max(closed_at) from given)
),

rolled_up as (
    select
        given.opened_at,
        given.closed_at,
        arg_min(minute.open_price, minute.open_at) as open_price,
        max(minute.high_price) as high_price,
        min(minute.low_price) as low_price,
        arg_max(minute.close_price, minute.open_at) as close_price,
        sum(minute.volume) as volume,
        sum(minute.quote_volume) as quote_volume,
        sum(minute.trade_count)::integer as trade_count
    from given
    inner join minute on given.opened_at <= minute.open_at and given.closed_at > minute.open_at
    group by given.opened_at, given.closed_at
)

select
    $symbol as symbol,
    given.opened_at,
    given.closed_at,
    given as of_exchange,
    if(rolled_up.opened_at is null, null, rolled_up) as rolled_up
from given
left join rolled_up using (opened_at)
where rolled_up is distinct from given
order by given.opened_at
