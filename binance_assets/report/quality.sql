-- How good the data of a day is, over all pairs; no row before it is over and measured.
select
    count(*) as pairs,
    count(*) filter (where observed_minutes = expected_minutes) as whole_pairs,
    sum(expected_minutes)::bigint as expected_minutes,
    sum(observed_minutes)::bigint as observed_minutes,
    sum(observed_minutes) / sum(expected_minutes) as completeness,
    sum(unexplained_minutes)::bigint as unexplained_minutes,
    sum(compared_minutes)::bigint as compared_minutes,
    sum(outside_minutes)::bigint as outside_minutes
from fact_quality_day
where date_utc = $day::date
having count(*) > 0
