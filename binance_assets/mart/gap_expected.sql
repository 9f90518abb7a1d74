-- Pairs that were described since: prices of theirs may have come before.
create or replace temp table gap_described as
select pair_id
from core.pair
anti join meta.expected_pair using (pair_id);

-- From when on the metadata called each pair TRADING. Where that has changed, the first answer since then is to be
-- found again.
insert or replace into meta.expected_pair by name
with trading as (
    select
        pair_id,
        min(valid_from) as trading_from
    from core.pair_history
    where status = 'TRADING' and coalesce(is_spot_trading_allowed, true)
    group by pair_id
)

select
    pair.pair_id,
    trading.trading_from,
    null::timestamp as expected_from,
    expected_pair.quoted_from
from core.pair
left join trading using (pair_id)
left join meta.expected_pair using (pair_id)
where expected_pair.pair_id is null or expected_pair.trading_from is distinct from trading.trading_from;
