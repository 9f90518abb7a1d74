-- Of the newest days that were compared those with minutes outside, and how many.
with day as (
    select
        date_utc,
        sum(outside_minutes)::bigint as minutes
    from mart.fact_quality_day
    where compared_minutes > 0
    group by date_utc
    order by date_utc desc
    limit $days
)

select
    date_utc,
    minutes
from day
where minutes > 0
order by date_utc desc
