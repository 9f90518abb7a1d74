-- The ten highest-priced pairs in one quote currency.
select
    symbol,
    base_code,
    price,
    price_text
from quoted
where is_counted and quote_code = $quote
order by price desc, symbol asc
limit 10
