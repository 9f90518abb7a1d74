-- The newest hour, sector by sector, with the pairs at its ends.
select
    fact_sector_hour.hour_utc,
    fact_sector_hour.source,
    fact_sector_hour.provider,
    fact_sector_hour.sector,
    fact_sector_hour.change,
    fact_sector_hour.median_change,
    fact_sector_hour.pair_count,
    lowest.symbol as lowest,
    highest.symbol as highest
from mart.fact_sector_hour
inner join core.pair as lowest on fact_sector_hour.lowest_pair_key = lowest.pair_id
inner join core.pair as highest on fact_sector_hour.highest_pair_key = highest.pair_id
where fact_sector_hour.hour_utc = (select max(hour_utc) from mart.fact_sector_hour)
order by fact_sector_hour.source, fact_sector_hour.provider, fact_sector_hour.sector
