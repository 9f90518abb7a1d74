-- Pairs whose base or quote is not what the newest metadata says. A description that contradicts the first one is
-- refused when it is loaded, so it is looked for in the quarantine too.
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
union all by name
select
    quarantine."row"::json ->> '$.symbol' as symbol,
    quarantine."row"::json ->> '$.baseAsset' as described_base,
    quarantine."row"::json ->> '$.quoteAsset' as described_quote
from open.quarantine
inner join open.capture using (capture_id)
where
    capture.endpoint = 'exchangeInfo'
    and capture.received_at = (select max(received_at) from open.capture where endpoint = 'exchangeInfo')
    and quarantine.reason like 'its base and quote were %'
order by symbol
