-- The sectors of all hours that end after $since are to be measured anew.
insert or ignore into meta.open_sector_hour by name
select distinct
    hour_utc,
    source
from lake.fact_price_hour
where
    date >= $since::date
    and hour_utc + interval 1 hour > $since
