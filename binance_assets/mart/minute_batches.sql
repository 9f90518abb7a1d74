-- Hours with minutes that are over, and whose averages are not right yet.
select distinct date_trunc('hour', minute_utc) as hour_utc
from meta.open_minute
where minute_utc + interval 1 minute <= (select landed_at from meta.progress where model = 'raw')
order by hour_utc
