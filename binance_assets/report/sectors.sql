-- How the sectors of the project's own list moved over a day: its hours, chained.
with measured as (
    select *
    from fact_sector_hour
    where provider = 'curated' and hour_utc >= $day::date and hour_utc < $day::date + interval 1 day
    qualify source = first_value(source) over (partition by sector order by source <> $source, source)
)

select
    sector,
    exp(sum(ln(1 + change) order by hour_utc)) - 1 as change,
    count(*) as hours,
    min(hour_utc) as first_hour_utc,
    max(hour_utc) as last_hour_utc,
    max_by(pair_count, hour_utc) as pairs
from measured
group by sector
order by change desc, sector asc
