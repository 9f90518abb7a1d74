-- How the sectors moved over the newest seven days, hour by hour and chained; empty where the market was not observed.
with moved as (
    select
        sector,
        hour_utc,
        change,
        pair_count
    from fact_sector_hour
    where
        provider = 'curated'
        and source <> 'import'
        and hour_utc > $newest_sector_hour::timestamp - interval 7 day
),

hours as (
    select unnest(generate_series(min(hour_utc), max(hour_utc), interval 1 hour)) as hour_utc from moved
),

chained as (
    select
        sector,
        hour_utc,
        pair_count,
        exp(sum(ln(1 + change)) over (partition by sector order by hour_utc)) - 1 as change_since_start
    from moved
)

select
    sector,
    min(hour_utc) as from_utc,
    arg_max(pair_count, hour_utc) as pairs,
    list(change_since_start order by hour_utc) as change
from (select distinct sector from moved) as listed
cross join hours
left join chained using (sector, hour_utc)
group by sector
order by sector
