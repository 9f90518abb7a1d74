-- The pairs and days of which candles of hours and days differ, of the newest $days days of which some were compared;
-- and those that are not measured yet, such as those of the day that is running.
create or replace temp table quality_pair as
with newest as (
    select distinct date_utc
    from mart.fact_quality_day
    where compared_hours > 0 or day_differs is not null
    order by date_utc desc
    limit $days
)

select
    pair_key,
    date_utc
from mart.fact_quality_day
semi join newest using (date_utc)
where differing_hours > 0 or day_differs
union
select
    open_quality_day.pair_key,
    open_quality_day.date_utc
from meta.open_quality_day
inner join raw.long_kline
    on
        open_quality_day.pair_key = long_kline.pair_id
        and open_quality_day.date_utc = long_kline.open_at::date;
