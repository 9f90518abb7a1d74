-- A pair's candles, minute by minute. $candles are the months' partitions.
select
    open_at as starts_at,
    if(trade_count > 0, 1, 4) as preference,
    low_price::double as low,
    high_price::double as high,
    volume::double as volume,
    quote_volume::double as quote_volume,
    close_price::double as closes,
    1 as candle_minutes,
    0::double as observed,
    0 as observations,
    0 as sampled_minutes
from read_parquet($candles, hive_partitioning = false)
where pair_id = $pair and open_at >= $since and open_at < $lake_until
