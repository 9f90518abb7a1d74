-- The days of which the lake has the observations: their minutes are averaged anew, and they themselves, which are
-- never sealed, are rolled up again.
insert into meta.taken_over_day by name
select distinct date
from meta.sealed_partition
where "table" = 'price_history';

insert into meta.open_day by name
select distinct
    date as date_utc,
    source
from lake.fact_price_hour
