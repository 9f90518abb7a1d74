-- What has changed in core.pair_history against pair_history_before, from $since on: one row for each thing that
-- changed of a pair.
create or replace temp table pair_change as
with span as (
    select
        true as is_new,
        *
    from core.pair_history
    union all
    select
        false as is_new,
        *
    from pair_history_before
),

neighbour as (
    select
        *,
        lag(valid_to) over by_time as was_valid_to,
        lag(status) over by_time as was_status,
        lag(tick_size) over by_time as was_tick_size,
        lag(step_size) over by_time as was_step_size,
        lag(min_notional) over by_time as was_min_notional,
        lag(is_spot_trading_allowed) over by_time as was_spot_trading_allowed,
        lead(valid_from) over by_time as next_from
    from span
    window by_time as (partition by is_new, pair_id order by valid_from)
),

change as (
    select
        is_new,
        pair_id,
        valid_from as changed_at,
        if(was_valid_to is null, 'listed', 'returned') as what,
        null as was,
        status as is_now
    from neighbour
    where was_valid_to is null or was_valid_to < valid_from
    union all
    select
        is_new,
        pair_id,
        valid_to as changed_at,
        'removed' as what,
        status as was,
        null as is_now
    from neighbour
    where valid_to < coalesce(next_from, timestamp 'infinity')
    union all
    select
        is_new,
        pair_id,
        valid_from as changed_at,
        case
            when was_status = 'TRADING' then 'halted'
            when status = 'TRADING' then 'resumed'
            else 'status'
        end as what,
        was_status as was,
        status as is_now
    from neighbour
    where was_valid_to = valid_from and was_status <> status
    union all
    select
        is_new,
        pair_id,
        valid_from as changed_at,
        unnest(['tick_size', 'step_size', 'min_notional', 'is_spot_trading_allowed']) as what,
        unnest(
            [
                was_tick_size::varchar,
                was_step_size::varchar,
                was_min_notional::varchar,
                was_spot_trading_allowed::varchar
            ]
        ) as was,
        unnest(
            [tick_size::varchar, step_size::varchar, min_notional::varchar, is_spot_trading_allowed::varchar]
        ) as is_now
    from neighbour
    where was_valid_to = valid_from
),

told as (
    select
        pair.symbol,
        change.what,
        change.was,
        change.is_now,
        change.changed_at,
        change.is_new
    from change
    inner join core.pair using (pair_id)
    where change.changed_at >= $since and change.was is distinct from change.is_now
)

select * exclude (is_new)
from told
where
    is_new
    and not exists (
        from told as known
        where
            not known.is_new
            and known.symbol = told.symbol
            and known.what = told.what
            and known.changed_at = told.changed_at
    )
