select
    pair.pair_id as pair_key,
    pair.symbol,
    base.code as base_code,
    quote.code as quote_code,
    base.asset_type as base_asset_type,
    quote.asset_type as quote_asset_type,
    pair_history.status,
    -- A pair that the metadata has not listed for a day is gone, whatever its last status was.
    pair_history.status = 'TRADING'
    and pair.last_seen_at > (select max(last_seen_at) - interval 1 day from core.pair) as is_trading,
    pair_history.tick_size,
    pair.first_seen_at as listed_at,
    pair.last_seen_at
from core.pair
inner join core.currency as base on pair.base_currency_id = base.currency_id
inner join core.currency as quote on pair.quote_currency_id = quote.currency_id
inner join core.pair_history on pair.pair_id = pair_history.pair_id and pair_history.valid_to is null
order by pair_key
