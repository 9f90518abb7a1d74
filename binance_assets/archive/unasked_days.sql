-- The minutes of some days that the API has not answered for yet, as spans, each with its first and its last one. It
-- does not know pairs that are not listed any more.
with wanted as (
    select
        unnest($symbols::varchar[]) as symbol,
        unnest($first_days::date[])::timestamp as from_utc,
        unnest($last_days::date[]) + interval 1 day as to_utc
),

listed as (
    select
        wanted.symbol,
        pair.pair_id,
        wanted.from_utc,
        wanted.to_utc
    from wanted
    inner join core.pair using (symbol)
    where pair.pair_id in (select pair_id from core.pair_history where valid_to is null)
),

-- At the end of each span something stands that ends what is not answered before it.
answer as (
    select
        listed.symbol,
        listed.from_utc,
        kline_answer.from_utc as answered_from,
        kline_answer.to_utc as answered_to
    from listed
    inner join meta.kline_answer
        on
            listed.pair_id = kline_answer.pair_id
            and listed.from_utc < kline_answer.to_utc
            and listed.to_utc > kline_answer.from_utc
    union all
    select
        symbol,
        from_utc,
        to_utc as answered_from,
        to_utc as answered_to
    from listed
),

reached as (
    select
        symbol,
        answered_from,
        greatest(
            from_utc,
            max(answered_to) over (
                partition by symbol, from_utc
                order by answered_from, answered_to rows between unbounded preceding and 1 preceding
            )
        ) as reached_at
    from answer
)

select
    symbol,
    reached_at as first_at,
    answered_from - interval 1 minute as last_at
from reached
where reached_at < answered_from
order by symbol, first_at
