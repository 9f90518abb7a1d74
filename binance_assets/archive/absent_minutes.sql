-- The minutes of the month $month that candles are missing of, as spans: a row without a pair where none of the pairs
-- whose files cover the time has one, that is, where the exchange itself has none; and for each pair those that another
-- pair has. The exchange gives a candle for a minute without trades, too (volume and trades are 0, the prices those of
-- the last trade): so the latter are not minutes in which nothing was traded, but ones in which the pair was halted, or
-- a defect of the archive. What is before a pair's first candle and after its last one is not missing.
with life as (
    select
        symbol,
        min(first_at) as born_at,
        max(last_at) + interval 1 minute as died_at
    from raw.archive_file
    where state = 'loaded'
    group by symbol
),

file as (
    select
        pair.pair_id,
        greatest(archive_file.first_day, life.born_at) as since,
        least(
            archive_file.first_day + if(archive_file.scope = 'monthly', interval 1 month, interval 1 day), life.died_at
        ) as until
    from raw.archive_file
    inner join life using (symbol)
    inner join core.pair using (symbol)
    where archive_file.state = 'loaded' and archive_file.month = $month
),

-- Files that overlap, or follow each other without a gap, cover one span.
reached as (
    select
        *,
        max(until) over (
            partition by pair_id order by since, until rows between unbounded preceding and 1 preceding
        ) as reached_at
    from file
    where since < until
),

numbered as (
    select
        *,
        count(*) filter (where reached_at is null or reached_at < since) over (
            partition by pair_id order by since, until
        ) as span
    from reached
),

covered as (
    select
        pair_id,
        min(since) as since,
        max(until) as until
    from numbered
    group by pair_id, span
),

incomplete as (
    select covered.pair_id
    from (
        select
            pair_id,
            sum(date_diff('minute', since, until)) as minutes
        from covered
        group by pair_id
    ) as covered
    left join (
        select
            pair_id,
            count(*) as minutes
        from raw.kline
        where month = $month and source = 'archive'
        group by pair_id
    ) as found using (pair_id)
    where coalesce(found.minutes, 0) < covered.minutes
),

point as (
    select
        kline.pair_id,
        kline.open_at as minute_at,
        'candle' as kind
    from raw.kline
    asof inner join covered on kline.pair_id = covered.pair_id and kline.open_at >= covered.since
    where
        kline.month = $month
        and kline.open_at < covered.until
        and kline.pair_id in (select pair_id from incomplete)
    union all
    select
        pair_id,
        unnest([since - interval 1 minute, until]) as minute_at,
        unnest(['start', 'end']) as kind
    from covered
    semi join incomplete using (pair_id)
),

step as (
    select
        pair_id,
        lag(minute_at) over in_order + interval 1 minute as from_utc,
        lag(kind) over in_order as from_kind,
        minute_at as to_utc
    from point
    window in_order as (partition by pair_id order by minute_at, kind = 'start')
),

absent as (
    select
        pair_id,
        from_utc,
        to_utc
    from step
    where from_utc < to_utc and from_kind <> 'end'
),

-- Between two neighbouring instants at which anything begins or ends, nothing changes.
change as (
    select
        minute_at,
        sum(covering) as covering,
        sum(absent) as absent
    from (
        select
            unnest([since, until]) as minute_at,
            unnest([1, -1]) as covering,
            0 as absent
        from covered
        union all
        select
            unnest([from_utc, to_utc]) as minute_at,
            0 as covering,
            unnest([1, -1]) as absent
        from absent
    ) as turn
    group by minute_at
),

stretch as (
    select
        minute_at as from_utc,
        lead(minute_at) over in_order as to_utc,
        sum(covering) over in_order as covering,
        sum(absent) over in_order as absent
    from change
    window in_order as (order by minute_at)
),

part as (
    select
        absent.pair_id,
        stretch.from_utc,
        stretch.to_utc,
        null as pairs
    from absent
    inner join stretch
        on
            absent.from_utc < stretch.to_utc
            and absent.to_utc > stretch.from_utc
    where stretch.absent < stretch.covering
    union all
    select
        null as pair_id,
        from_utc,
        to_utc,
        covering as pairs
    from stretch
    where absent = covering and covering > 0
),

-- Parts that follow each other are one.
begun as (
    select
        *,
        not coalesce(lag(to_utc) over (partition by pair_id order by from_utc) = from_utc, false) as begins
    from part
),

counted as (
    select
        *,
        count(*) filter (where begins) over (partition by pair_id order by from_utc) as span
    from begun
)

select
    pair_id,
    min(from_utc) as from_utc,
    max(to_utc) as to_utc,
    date_diff('minute', min(from_utc), max(to_utc)) as minutes,
    min(pairs)::integer as covering_pairs
from counted
group by pair_id, span
order by pair_id nulls first, from_utc
