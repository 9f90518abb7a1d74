-- The pairs of which a gap of the whole market is repaired: those of $symbols, or all if there are none; and those that
-- somebody has brought the archive's months of.
create or replace temp table repair_target as
select pair.pair_id
from core.pair
where
    $symbols is null
    or pair.symbol in (select unnest($symbols::varchar[]))
    or pair.symbol in (
        select symbol
        from raw.archive_file
        where scope = 'monthly' and state = 'loaded'
    );

-- For which minutes the API has answered, as spans that do not touch each other.
create or replace temp table answered as
with reached as (
    select
        pair_id,
        from_utc,
        to_utc,
        max(to_utc) over (
            partition by pair_id order by from_utc, to_utc rows between unbounded preceding and 1 preceding
        ) as reached_at
    from meta.kline_answer
),

numbered as (
    select
        *,
        count(*) filter (where reached_at is null or reached_at < from_utc) over (
            partition by pair_id order by from_utc, to_utc
        ) as span
    from reached
)

select
    pair_id,
    min(from_utc) as from_utc,
    max(to_utc) as to_utc
from numbered
group by pair_id, span;

-- Where in the ledger something may change.
create or replace temp table gap_changed (
    from_utc timestamp
);
