-- All gaps of the ledger, by what has become of them: they last, nothing explains them, or they were repaired from
-- candles. And how many of those that ended wait for candles.
select
    count(*) filter (where gap.to_utc is null) as lasting,
    count(*) filter (where gap.to_utc is not null and gap.cause = 'unresolved' and gap.repaired_at is null)
        as unresolved,
    count(*) filter (where gap.repaired_at is not null) as repaired,
    count(*) filter (
        where
        gap.to_utc is not null
        and gap.source <> 'archive'
        and is_repairable(gap.cause)
        and gap_repair.from_utc is null
    ) as waiting
from mart.gap
left join meta.gap_repair
    on
        gap.source <> 'archive'
        and gap.from_utc = gap_repair.from_utc
        and gap.to_utc = gap_repair.to_utc
        and gap.pair_key is not distinct from gap_repair.pair_key
