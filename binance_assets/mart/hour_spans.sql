-- The spans in which the due hours are rolled up, a quarter of a day each: about a million minutes of the whole market.
select
    min(hour_utc) as since,
    max(hour_utc) + interval 1 hour as until
from due_hour
group by time_bucket(interval 6 hours, hour_utc)
order by since
