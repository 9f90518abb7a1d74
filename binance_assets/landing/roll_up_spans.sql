-- Hours and days of which all minutes are known, by the temporary table `covered`, and that the exchange was not asked
-- for, in pages of $page, the newest $most of them: of the pairs $symbols, or all, and those whose months somebody has
-- brought from the archive; of each from its first day with candles to its last. The exchange does not know pairs that
-- are not listed any more.
with target as (
    select
        pair_id,
        symbol
    from core.pair
    where
        (
            $symbols is null
            or symbol in (select unnest($symbols::varchar[]))
            or symbol in (
                select symbol
                from raw.archive_file
                where scope = 'monthly' and state = 'loaded'
            )
        )
        and pair_id in (select pair_id from core.pair_history where valid_to is null)
),

length as (
    select
        unnest(['1h', '1d']) as candle_interval,
        unnest([interval 1 hour, interval 1 day]) as length
),

life as (
    select
        pair_key as pair_id,
        min(date_utc)::timestamp as from_utc,
        max(date_utc) + interval 1 day as to_utc
    from mart.fact_price_day
    where source in ('archive', 'rest')
    group by pair_key
),

known as (
    select
        covered.pair_id,
        length.candle_interval,
        time_bucket(
            length.length, greatest(covered.from_utc, life.from_utc) + length.length - interval 1 microsecond
        ) as from_utc,
        time_bucket(length.length, least(covered.to_utc, life.to_utc)) as to_utc
    from covered
    inner join life using (pair_id)
    cross join length
    where covered.candle_interval = '1m'
),

-- A time is looked for that is known, which counts 1, and was not asked for, which counts -2.
edge as (
    select
        pair_id,
        candle_interval,
        unnest([from_utc, to_utc]) as at_utc,
        unnest([1, -1]) as change
    from known
    where from_utc < to_utc
    union all by name
    select
        pair_id,
        candle_interval,
        unnest([from_utc, to_utc]) as at_utc,
        unnest([-2, 2]) as change
    from covered
    where candle_interval <> '1m'
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

wanted as (
    select
        pair_id,
        candle_interval,
        at_utc as from_utc,
        lead(at_utc) over (partition by pair_id, candle_interval order by at_utc) as to_utc
    from level
    qualify depth = 1
),

page as (
    select
        target.symbol,
        wanted.candle_interval,
        length.length,
        wanted.to_utc,
        unnest(
            generate_series(wanted.from_utc, wanted.to_utc - length.length, length.length * $page::integer)
        ) as first_at
    from wanted
    inner join target using (pair_id)
    inner join length using (candle_interval)
)

select
    symbol,
    first_at,
    least(first_at + length * ($page::integer - 1), to_utc - length) as last_at,
    candle_interval
from page
order by last_at desc, symbol asc, candle_interval asc
limit $most
