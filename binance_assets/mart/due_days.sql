-- Days that are over, whose hours are all rolled up, and whose roll-ups are not right yet.
create or replace temp table due_day as
select
    date_utc,
    source
from meta.open_day
where
    date_utc + interval 1 day <= (select landed_at from meta.progress where model = 'raw')
    and not exists (
        from meta.open_hour
        where
            open_hour.source = open_day.source
            and open_hour.hour_utc >= open_day.date_utc
            and open_hour.hour_utc < open_day.date_utc + interval 1 day
    )
