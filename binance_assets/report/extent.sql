-- The days that the export has prices of, and up to when its metadata goes.
with instant as (
    select
        min(hour_utc) as first_at,
        max(hour_utc) as last_at
    from fact_price_hour
    union all
    select
        min(observed_at) as first_at,
        max(observed_at) as last_at
    from fact_price_latest
)

select
    min(first_at)::date as first_day,
    max(last_at)::date as last_day,
    (select max(observed_at) from fact_price_latest) as newest_at,
    (select min(valid_from) from dim_pair_history) as first_metadata_at,
    (select max(last_seen_at) from dim_pair) as newest_metadata_at
from instant
