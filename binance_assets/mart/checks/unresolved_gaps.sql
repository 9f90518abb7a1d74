-- Gaps that last, or lasted within the newest day, and that neither evidence explains nor candles repair.
select
    gap.source,
    dim_pair.symbol,
    gap.from_utc,
    gap.to_utc,
    gap.evidence
from mart.gap
left join mart.dim_pair using (pair_key)
where
    gap.cause = 'unresolved'
    and gap.repaired_at is null
    and coalesce(gap.to_utc, timestamp 'infinity')
    > (select max(landed_at) - interval 1 day from meta.progress where model = 'raw')
order by gap.from_utc desc, dim_pair.symbol asc
