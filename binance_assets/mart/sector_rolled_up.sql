-- The hours from $since up to $until that the temporary table `due_hour` names are rolled up, and their sectors are to
-- be measured.
insert or ignore into meta.open_sector_hour by name
select
    hour_utc,
    source
from due_hour
where hour_utc >= $since and hour_utc < $until
