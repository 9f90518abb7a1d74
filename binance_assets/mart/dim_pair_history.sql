select
    pair.pair_id as pair_key,
    pair.symbol,
    base.code as base_code,
    quote.code as quote_code,
    pair_history.status,
    pair_history.status = 'TRADING' as is_trading,
    pair_history.tick_size,
    pair_history.step_size,
    pair_history.min_notional,
    pair_history.is_spot_trading_allowed,
    pair_history.valid_from,
    coalesce(pair_history.valid_to, timestamp '9999-12-31') as valid_to
from core.pair_history
inner join core.pair using (pair_id)
inner join core.currency as base on pair.base_currency_id = base.currency_id
inner join core.currency as quote on pair.quote_currency_id = quote.currency_id
order by pair_key, valid_from
