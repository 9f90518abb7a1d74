-- Hours that are over, whose minutes are all averaged, and whose roll-ups are not right yet.
create or replace temp table due_hour as
select
    hour_utc,
    source
from meta.open_hour
where
    hour_utc + interval 1 hour <= (select landed_at from meta.progress where model = 'raw')
    and not exists (
        from meta.open_minute
        where
            open_minute.source = open_hour.source
            and open_minute.minute_utc >= open_hour.hour_utc
            and open_minute.minute_utc < open_hour.hour_utc + interval 1 hour
    )
