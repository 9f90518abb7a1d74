-- Spans of hours with minutes that are over, and whose averages are not right yet: as many hours of one day as hold
-- about a million observations, so that neither many nor few of them make a span expensive.
with due as (
    select date_trunc('hour', minute_utc) as hour_utc
    from meta.open_minute
    where minute_utc + interval 1 minute <= (select landed_at from meta.progress where model = 'raw')
    group by hour_utc
),

sized as (
    select
        due.hour_utc,
        coalesce(sum(capture.row_count), 0) as observations
    from due
    left join open.capture
        on
            due.hour_utc = date_trunc('hour', capture.received_at)
            and capture.endpoint = 'ticker/price'
    group by due.hour_utc
),

numbered as (
    select
        hour_utc,
        date_trunc('day', hour_utc) as day_utc,
        sum(observations) over (partition by date_trunc('day', hour_utc) order by hour_utc) // 1000000 as span
    from sized
)

select
    min(hour_utc) as since,
    max(hour_utc) + interval 1 hour as until
from numbered
group by day_utc, span
order by since
