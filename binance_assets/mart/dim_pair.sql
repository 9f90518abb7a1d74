with newest as (
    select *
    from core.pair_history
    qualify row_number() over (partition by pair_id order by valid_from desc) = 1
)

select
    pair.pair_id as pair_key,
    pair.symbol,
    base.code as base_code,
    quote.code as quote_code,
    base.asset_type as base_asset_type,
    quote.asset_type as quote_asset_type,
    dim_currency.primary_sector,
    dim_currency.sector_provider,
    newest.status,
    newest.valid_to is null as is_listed,
    newest.valid_to is null and newest.status = 'TRADING' as is_trading,
    newest.tick_size,
    pair.first_seen_at as listed_at,
    pair.last_seen_at,
    pair.base_currency_id as base_currency_key,
    pair.quote_currency_id as quote_currency_key
from core.pair
inner join core.currency as base on pair.base_currency_id = base.currency_id
inner join core.currency as quote on pair.quote_currency_id = quote.currency_id
inner join newest using (pair_id)
left join mart.dim_currency on pair.base_currency_id = dim_currency.currency_key
order by pair_key
