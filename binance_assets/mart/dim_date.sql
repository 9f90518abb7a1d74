select
    date_key(date_utc) as date_key,
    date_utc::date as date_utc,
    year(date_utc) as year,
    quarter(date_utc) as quarter,
    month(date_utc) as month,
    monthname(date_utc) as month_name,
    day(date_utc) as day_of_month,
    weekofyear(date_utc) as iso_week,
    isodow(date_utc) as iso_weekday,
    dayname(date_utc) as weekday_name,
    isodow(date_utc) >= 6 as is_weekend
from
    generate_series(
        timestamp '2017-01-01',
        (select make_timestamp(year(max(landed_at)), 12, 31, 0, 0, 0) from meta.progress),
        interval 1 day
    ) as calendar (date_utc)
order by date_key
