-- The five lowest-priced pairs in one quote currency.
select
    symbol,
    base_code,
    price,
    price_text
from quoted
where is_counted and quote_code = $quote
order by price, symbol
limit 5
