-- All pairs with their newest prices.
select
    symbol,
    base,
    quote,
    status,
    sector,
    is_trading,
    price,
    price_usdt,
    coalesce(is_stale, true) as is_stale,
    epoch($data_until::timestamp - observed_at) as age_seconds
from pair
left join fact_price_latest using (pair_key)
order by symbol
