-- The hours of the sealed days are there; the days themselves, which are never sealed, are made of them again.
insert into meta.open_day by name
select distinct
    date as date_utc,
    source
from mart.fact_price_hour
