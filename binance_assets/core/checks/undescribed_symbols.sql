-- Symbols with prices that no metadata describes.
select
    symbol,
    count(*) as prices,
    max(observed_at) as last_observed_at
from open.price_without_metadata
group by symbol
order by symbol
