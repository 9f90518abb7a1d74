-- What happened to pairs on a day: each start and end of a span of unchanged rules that is one of these.
with span as (
    select
        *,
        lag(valid_to) over spans as former_to,
        lag(is_trading) over spans as was_trading,
        max(is_trading) over (
            partition by pair_key
            order by valid_from
            rows between unbounded preceding and 1 preceding
        ) as has_traded,
        lead(valid_from) over spans as next_from
    from dim_pair_history
    window spans as (partition by pair_key order by valid_from)
),

event as (
    select
        case
            when former_to is null then 'listed'
            when former_to < valid_from then 'listed again'
            when was_trading and not is_trading then 'halted'
            when is_trading and not was_trading and has_traded then 'resumed'
            when is_trading and not was_trading then 'opened'
        end as event,
        symbol,
        base_code,
        quote_code,
        status,
        valid_from as at_utc
    from span
    union all
    select
        'delisted' as event,
        symbol,
        base_code,
        quote_code,
        status,
        valid_to as at_utc
    from span
    where valid_to < timestamp '9999-12-31' and next_from is distinct from valid_to
)

select *
from event
where
    event is not null
    and at_utc >= $day::date
    and at_utc < $day::date + interval 1 day
    -- What the very first metadata lists was there before.
    and at_utc > (select min(valid_from) from dim_pair_history)
order by at_utc, event, symbol
