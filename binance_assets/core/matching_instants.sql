-- When the reviewed list is to hold, and when CoinMarketCap's newest prices are from.
select
    (select max(received_at) from open.capture where endpoint = 'exchangeInfo') as described_at,
    (select max(retrieved_at) from raw.coinmarketcap_listing) as listed_at
