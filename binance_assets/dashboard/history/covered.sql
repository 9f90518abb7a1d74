-- What a publication has of each pair: its hours, those of candles, and its minutes.
with hour as (
    select
        pair_key,
        min(hour_utc) as first_hour,
        max(hour_utc) as last_hour,
        max(hour_utc) filter (where source in ('archive', 'rest')) as last_candle_hour
    from read_parquet($hours)
    where observation_count > 0
    group by pair_key
),

minute as (
    select
        pair_key,
        min(minute_utc) as first_minute,
        max(minute_utc) as last_minute
    from read_parquet($minutes)
    where not is_gap
    group by pair_key
)

select
    pair.symbol,
    pair.pair_key,
    hour.first_hour,
    hour.last_hour,
    hour.last_candle_hour,
    minute.first_minute,
    minute.last_minute
from read_parquet($pairs) as pair
left join hour using (pair_key)
left join minute using (pair_key)
