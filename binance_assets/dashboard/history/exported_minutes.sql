-- A pair's minutes in the export: of several sources the one that counts.
select
    minute_utc as starts_at,
    0 as preference,
    low_price as low,
    high_price as high,
    coalesce(volume, 0) as volume,
    coalesce(quote_volume, 0) as quote_volume,
    if(source in ('archive', 'rest'), close_price, 0) as closes,
    if(source in ('archive', 'rest'), 1, 0) as candle_minutes,
    if(source not in ('archive', 'rest'), average_price * observation_count, 0) as observed,
    if(source not in ('archive', 'rest'), observation_count, 0) as observations,
    if(source not in ('archive', 'rest'), 1, 0) as sampled_minutes
from read_parquet($minutes)
where
    pair_key = $pair
    and minute_utc >= $exported_since
    and minute_utc < $until
    and not is_gap
