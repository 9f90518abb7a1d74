insert into open.price_history by name
from stored_price;

-- CoinMarketCap's listings of the hours around them are compared with the exchange's prices once more.
update meta.coin_listing
set is_open = true
where
    not is_open
    and date_trunc('hour', listed_at) in (
        select around.hour + unnest([-1, 0, 1]) * interval 1 hour
        from (select distinct date_trunc('hour', observed_at) as hour from stored_price) as around
    )
