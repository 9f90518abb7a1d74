-- Stores each description that differs from the symbol's last, and the absence of each symbol that was listed before.
delete from raw.exchange_info
where retrieved_at >= (select min(retrieved_at) from judged_description);

insert into raw.exchange_info by name
with last_kept as (
    select
        symbol,
        max(retrieved_at) as retrieved_at
    from raw.exchange_info
    group by symbol
),

series as (
    select
        capture_id,
        symbol,
        payload,
        retrieved_at,
        true as is_candidate
    from judged_description
    where reason is null
    union all
    select
        capture_id,
        symbol,
        null as payload,
        retrieved_at,
        true as is_candidate
    from absent_symbol
    union all
    select
        capture_id,
        symbol,
        payload,
        retrieved_at,
        false as is_candidate
    from raw.exchange_info
    semi join last_kept using (symbol, retrieved_at)
)

select
    capture_id,
    symbol,
    payload,
    retrieved_at
from series
qualify
    is_candidate
    and payload::varchar
    is distinct from lag(payload::varchar) over (partition by symbol order by retrieved_at, is_candidate, capture_id)
order by retrieved_at, symbol;
