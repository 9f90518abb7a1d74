-- A pair's sampled minutes, as sealed days keep them (mart/fact_price_minute.sql). $sampled are the days' partitions.
select
    minute_utc as starts_at,
    if(source = 'import', 3, 2) as preference,
    (close_price - close_over_low)::double as low,
    (close_price + high_over_close)::double as high,
    0::double as volume,
    0::double as quote_volume,
    0::double as closes,
    0 as candle_minutes,
    (close_price::decimal(28, 8) * observation_count + sum_over_close)::double as observed,
    observation_count as observations,
    1 as sampled_minutes
from read_parquet($sampled, hive_partitioning = false)
where
    pair_key = $pair
    and minute_utc >= $since
    and minute_utc < $lake_until
    and observation_count > 0
