-- The pairs whose price is the fewest of its smallest steps.
select
    symbol,
    quote_code,
    price,
    price_text,
    tick_size,
    tick_size_text,
    tick_size / price as step_share
from quoted
where is_counted and tick_size > 0
order by tick_size / price desc, symbol asc
limit 5
