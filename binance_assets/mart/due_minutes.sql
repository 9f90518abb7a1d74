-- Minutes from $since up to $until that are over, and whose averages are not right yet.
create or replace temp table due_minute as
select
    source,
    minute_utc
from meta.open_minute
where
    minute_utc >= $since
    and minute_utc < $until
    and minute_utc + interval 1 minute <= (select landed_at from meta.progress where model = 'raw');
