-- Of days that no file brings, the candles that the API has given, as spans of days that follow each other; those
-- without any are spans of their own.
with day as (
    select
        symbol,
        unnest(generate_series(first_day::timestamp, last_day, interval 1 day))::date as day
    from (
        select
            unnest($symbols::varchar[]) as symbol,
            unnest($first_days::date[]) as first_day,
            unnest($last_days::date[]) as last_day
    ) as wanted
),

given as (
    select
        pair.symbol,
        rest_kline.open_at::date as day,
        count(*) as candles
    from raw.rest_kline
    inner join core.pair using (pair_id)
    where pair.symbol in (select symbol from day)
    group by pair.symbol, rest_kline.open_at::date
),

numbered as (
    select
        day.symbol,
        day.day,
        coalesce(given.candles, 0) as candles,
        day.day - row_number() over (
            partition by day.symbol, given.candles is null
            order by day.day
        )::integer as run
    from day
    left join given on day.symbol = given.symbol and day.day = given.day
)

select
    symbol,
    min(day) as first,
    max(day) as last,
    count(*) as days,
    sum(candles)::bigint as candles
from numbered
group by symbol, candles = 0, run
order by symbol, first
