-- When each pair was trading, by the metadata that there is now, and what was made while other spans were known.
create or replace temp table trading_span_now as
with status as (
    -- The first known status of a pair is also taken for the time before it.
    select
        pair_id as pair_key,
        status = 'TRADING' as is_trading,
        if(row_number() over in_order = 1, timestamp '0001-01-01', valid_from) as valid_from,
        coalesce(valid_to, timestamp '9999-12-31') as valid_to
    from core.pair_history
    window in_order as (partition by pair_id order by valid_from)
),

trading as (
    select
        pair_key,
        valid_from,
        valid_to,
        coalesce(valid_from <> lag(valid_to) over (partition by pair_key order by valid_from), true) as begins
    from status
    where is_trading
),

numbered as (
    select
        pair_key,
        valid_from,
        valid_to,
        sum(begins::integer) over (partition by pair_key order by valid_from) as span
    from trading
)

select
    pair_key,
    min(valid_from) as valid_from,
    max(valid_to) as valid_to
from numbered
group by pair_key, span;

-- The spans of which it was thought otherwise. An end that is in only one of the two sets of spans turns what is
-- known of the pair from the same into another, or back.
create or replace temp table trading_change as
with boundary as (
    select
        pair_key,
        unnest([valid_from, valid_to]) as turns_at
    from meta.trading_span
    union all
    select
        pair_key,
        unnest([valid_from, valid_to]) as turns_at
    from trading_span_now
),

turn as (
    select
        pair_key,
        turns_at
    from boundary
    group by pair_key, turns_at
    having count(*) = 1
)

select
    pair_key,
    turns_at as from_utc,
    lead(turns_at) over (partition by pair_key order by turns_at) as until_utc
from turn
qualify row_number() over (partition by pair_key order by turns_at) % 2 = 1;

delete from meta.trading_span;

insert into meta.trading_span by name
select *
from trading_span_now
order by pair_key, valid_from;
