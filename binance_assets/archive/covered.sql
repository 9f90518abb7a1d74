-- What is known of the candles of each pair, as spans that do not touch each other: the minutes that a file of the
-- archive is of, or that the API has answered for, with candles or without; the hours and the days that it has.
create or replace temp table covered as
with span as (
    select
        pair.pair_id,
        '1m' as candle_interval,
        archive_file.first_day::timestamp as from_utc,
        archive_file.first_day + if(archive_file.scope = 'monthly', interval 1 month, interval 1 day) as to_utc
    from raw.archive_file
    inner join core.pair using (symbol)
    where archive_file.state = 'loaded'
    union all by name
    select
        pair_id,
        '1m' as candle_interval,
        from_utc,
        to_utc
    from meta.kline_answer
    union all by name
    select
        pair_id,
        candle_interval,
        from_utc,
        to_utc
    from meta.long_kline_answer
),

edge as (
    select
        pair_id,
        candle_interval,
        from_utc as at_utc,
        1 as change
    from span
    union all by name
    select
        pair_id,
        candle_interval,
        to_utc as at_utc,
        -1 as change
    from span
),

level as (
    select
        pair_id,
        candle_interval,
        at_utc,
        sum(sum(change)) over (partition by pair_id, candle_interval order by at_utc) as depth
    from edge
    group by pair_id, candle_interval, at_utc
),

bound as (
    select *
    from level
    qualify (depth > 0) <> (lag(depth, 1, 0) over (partition by pair_id, candle_interval order by at_utc) > 0)
)

select
    pair_id,
    candle_interval,
    at_utc as from_utc,
    lead(at_utc) over (partition by pair_id, candle_interval order by at_utc) as to_utc
from bound
qualify depth > 0;
