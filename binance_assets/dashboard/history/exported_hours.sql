-- A pair's hours in the export: of several sources the one that counts.
select
    hour_utc as starts_at,
    0 as preference,
    low_price as low,
    high_price as high,
    coalesce(volume, 0) as volume,
    coalesce(quote_volume, 0) as quote_volume,
    if(source in ('archive', 'rest'), average_price * observed_minutes, 0) as closes,
    if(source in ('archive', 'rest'), observed_minutes, 0) as candle_minutes,
    coalesce(price_sum, 0) as observed,
    if(source not in ('archive', 'rest'), observation_count, 0) as observations,
    if(source not in ('archive', 'rest'), observed_minutes, 0) as sampled_minutes
from read_parquet($hours)
where
    pair_key = $pair
    and hour_utc >= $hours_since
    and hour_utc < $until
    and observation_count > 0
