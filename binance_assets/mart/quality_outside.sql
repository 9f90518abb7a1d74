-- The pairs of the day $day of which some minutes are outside.
create or replace temp table quality_pair as
select
    pair_key,
    date_utc
from mart.fact_quality_day
where date_utc = $day and outside_minutes > 0;
