-- The quality of the newest days, over all pairs; and the pair with the worst deviation.
with day as (
    select
        date_utc,
        count(*) as pairs,
        sum(observed_minutes) / sum(expected_minutes) as completeness,
        sum(unexplained_minutes)::bigint as unexplained_minutes,
        sum(compared_minutes)::bigint as compared_minutes,
        sum(outside_minutes)::bigint as outside_minutes,
        sum(compared_hours)::bigint as compared_hours,
        sum(differing_hours)::bigint as differing_hours,
        sum(mean_deviation_bp * traded_minutes order by pair_key) / sum(traded_minutes) as mean_deviation_bp,
        max(worst_deviation_bp) as worst_deviation_bp,
        arg_max(pair_key, worst_deviation_bp) as pair_key
    from mart.fact_quality_day
    where date_utc > (select max(date_utc) from mart.fact_quality_day) - $days::integer
    group by date_utc
)

select
    day.* exclude (pair_key),
    dim_pair.symbol as worst_deviation_of
from day
left join mart.dim_pair using (pair_key)
order by day.date_utc
