-- The listings of CoinMarketCap that are to be compared with the exchange's prices.
select listed_at
from meta.coin_listing
where is_open
order by listed_at
