-- Rules of the pairs over time, made again from $since on: metadata older than some already loaded may have come in.
create or replace temp table pair_history_before as
from core.pair_history;

delete from core.pair_history
where valid_from >= $since;

update core.pair_history
set valid_to = null
where valid_to >= $since;

create or replace temp table rule_change as
with described as (
    select
        pair.pair_id,
        exchange_info.retrieved_at as valid_from,
        exchange_info.payload,
        exchange_info.payload is not null as is_listed,
        from_json(exchange_info.payload -> '$.filters', '["json"]') as filters
    from raw.exchange_info
    inner join core.pair using (symbol)
    where exchange_info.retrieved_at >= $since
    -- Two responses may carry the same time; the later by id counts, as in raw.exchange_info.
    qualify
        row_number() over (
            partition by pair.pair_id, exchange_info.retrieved_at order by exchange_info.capture_id desc
        ) = 1
),

rules as (
    select
        pair_id,
        valid_from,
        is_listed,
        payload ->> '$.status' as status,
        exact_price(
            list_filter(filters, lambda f: f ->> '$.filterType' = 'PRICE_FILTER')[1] ->> '$.tickSize'
        ) as tick_size,
        exact_quantity(
            list_filter(filters, lambda f: f ->> '$.filterType' = 'LOT_SIZE')[1] ->> '$.stepSize'
        ) as step_size,
        exact_quantity(
            -- NOTIONAL has replaced MIN_NOTIONAL, and counts where both are there.
            coalesce(
                list_filter(filters, lambda f: f ->> '$.filterType' = 'NOTIONAL')[1],
                list_filter(filters, lambda f: f ->> '$.filterType' = 'MIN_NOTIONAL')[1]
            ) ->> '$.minNotional'
        ) as min_notional,
        try_cast(payload ->> '$.isSpotTradingAllowed' as boolean) as is_spot_trading_allowed,
        true as is_new
    from described
    union all
    select
        pair_id,
        valid_from,
        true as is_listed,
        status,
        tick_size,
        step_size,
        min_notional,
        is_spot_trading_allowed,
        false as is_new
    from core.pair_history
    where valid_to is null
),

changes as (
    select *
    from rules
    qualify
        (is_listed, status, tick_size, step_size, min_notional, is_spot_trading_allowed)
        is distinct from
        lag((is_listed, status, tick_size, step_size, min_notional, is_spot_trading_allowed))
            over (partition by pair_id order by valid_from)
)

select
    *,
    lead(valid_from) over (partition by pair_id order by valid_from) as valid_to
from changes;

update core.pair_history
set valid_to = rule_change.valid_to
from rule_change
where
    not rule_change.is_new
    and pair_history.pair_id = rule_change.pair_id
    and pair_history.valid_from = rule_change.valid_from;

insert into core.pair_history by name
select * exclude (is_new, is_listed)
from rule_change
where is_new and is_listed
order by pair_id, valid_from;
