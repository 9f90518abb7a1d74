-- Symbols with prices that no metadata describes.
select
    symbol,
    count(*) as prices,
    max(observed_at) as last_observed_at
from core.price_without_metadata
group by symbol
order by symbol
