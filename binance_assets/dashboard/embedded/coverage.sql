-- Coverage by hour: for each group of pairs that the filters can tell apart, its sum and the pairs that it is of.
with hours as (
    select unnest(generate_series(min(hour_utc), max(hour_utc), interval 1 hour)) as hour_utc from newest_hours
),

measured as (
    select
        quote,
        status,
        sector,
        hour_utc,
        sum(coverage) as coverage,
        count(*) as pairs
    from newest_hours
    inner join pair using (pair_key)
    group by all
),

groups as (
    select distinct
        quote,
        status,
        sector
    from measured
)

select
    quote,
    status,
    sector,
    list(coalesce(round(coverage, 4), 0) order by hour_utc) as coverage,
    list(coalesce(pairs, 0) order by hour_utc) as pairs
from groups
cross join hours
left join measured using (quote, status, sector, hour_utc)
group by quote, status, sector
order by quote, status, sector
