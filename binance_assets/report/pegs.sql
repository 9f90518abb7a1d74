-- How each currency that follows another stood in the last hour of a day that was compared, and at its worst.
with followed as (
    select *
    from fact_parity_hour
    where kind <> 'cross' and hour_utc >= $day::date and hour_utc < $day::date + interval 1 day
    -- Where there are several sources, the store's own before others.
    qualify source = first_value(source) over (partition by code, follows_code order by source <> $source, source)
)

select
    code,
    follows_code,
    max_by(kind, hour_utc) as kind,
    max(hour_utc) as hour_utc,
    max_by(price, hour_utc) as price,
    max_by(deviation_bp, hour_utc) as deviation_bp,
    max_by(threshold_bp, hour_utc) as threshold_bp,
    max_by(is_beyond, hour_utc) as is_beyond,
    max_by(deviation_bp, abs(deviation_bp)) as worst_bp,
    max_by(hour_utc, abs(deviation_bp)) as worst_hour_utc,
    count(*) filter (where is_beyond) as hours_beyond,
    count(distinct hour_utc) as hours
from followed
group by code, follows_code
order by abs(max_by(deviation_bp, hour_utc)) desc nulls last, code asc
