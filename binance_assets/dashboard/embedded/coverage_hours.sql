-- The hours that coverage.sql has values of.
select unnest(generate_series(min(hour_utc), max(hour_utc), interval 1 hour)) as hour_utc
from newest_hours
order by hour_utc
