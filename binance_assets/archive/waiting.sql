insert into raw.archive_file by name
select
    *,
    'waiting' as state,
    (now() at time zone 'UTC')::timestamp as loaded_at
from waiting
