-- Pairs whose base or quote is not what the newest metadata says.
with newest as (
    select
        symbol,
        payload
    from raw.exchange_info
    qualify row_number() over (partition by symbol order by retrieved_at desc) = 1
)

select
    pair.symbol,
    base.code as base,
    quote.code as quote,
    newest.payload ->> '$.baseAsset' as described_base,
    newest.payload ->> '$.quoteAsset' as described_quote
from core.pair
inner join core.currency as base on pair.base_currency_id = base.currency_id
inner join core.currency as quote on pair.quote_currency_id = quote.currency_id
inner join newest using (symbol)
where base.code <> described_base or quote.code <> described_quote
order by pair.symbol
