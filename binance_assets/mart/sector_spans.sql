-- The spans in which the sectors are measured, a quarter of a day each.
select
    min(hour_utc) as since,
    max(hour_utc) + interval 1 hour as until
from meta.open_sector_hour
group by time_bucket(interval 6 hours, hour_utc)
order by since
