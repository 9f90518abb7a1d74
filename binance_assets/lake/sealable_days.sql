-- Days of which rows are open, that ended $reach ago, and in which nothing is still to be loaded, averaged or
-- rolled up.
with day as (
    select distinct received_at::date as date
    from open.capture
    where not is_metadata(endpoint)
    union
    select distinct due_at::date as date
    from open.missed_sample
    union
    select distinct minute_utc::date as date
    from open.fact_price_minute
),

progress as (
    select
        min(landed_at) as landed_at,
        min(file) = max(file) as is_all_read
    from meta.progress
    where model in ('raw', 'core.price_history', 'mart.gap')
)

select day.date
from day
cross join progress
where
    progress.is_all_read
    and day.date + interval 1 day + $reach <= progress.landed_at
    and not exists (
        from meta.open_minute
        where
            open_minute.minute_utc >= day.date
            and open_minute.minute_utc < day.date + interval 1 day + $reach
    )
    and not exists (
        from meta.open_hour
        where
            open_hour.hour_utc >= day.date
            and open_hour.hour_utc < day.date + interval 1 day
    )
    and not exists (
        from meta.open_day
        where open_day.date_utc = day.date
    )
order by day.date
