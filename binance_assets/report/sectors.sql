-- How the sectors of the project's own list moved over a day: its hours, chained. Where there are several sources, the
-- store's own before others, and the same one for all sectors.
with measured as (
    select *
    from fact_sector_hour
    where
        provider = 'curated'
        and hour_utc >= $day::date
        and hour_utc < $day::date + interval 1 day
        -- A single minute, such as an imported response, tells how prices stood and not how they moved.
        and observed_minutes > 1
    qualify source = first_value(source) over (order by source <> $source, source)
)

select
    sector,
    exp(sum(ln(1 + change) order by hour_utc)) - 1 as change,
    count(*) as hours,
    sum(observed_minutes)::bigint as minutes,
    min(hour_utc) as first_hour_utc,
    max(hour_utc) as last_hour_utc,
    max_by(pair_count, hour_utc) as pairs,
    any_value(source) as source
from measured
group by sector
order by change desc, sector asc
