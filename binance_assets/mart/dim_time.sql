select
    minute_of_day::integer as time_key,
    printf('%02d:%02d', minute_of_day // 60, minute_of_day % 60) as time_of_day,
    (minute_of_day // 60)::integer as hour,
    (minute_of_day % 60)::integer as minute
from range(1440) as clock (minute_of_day)
order by time_key
