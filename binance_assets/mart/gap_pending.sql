-- What was landed since gaps were last looked for: from which to which grid point the sampling has new evidence,
-- whether metadata came, and whether the prices of all responses are in core.price_history already. Imports have no
-- grid.
with seen as (
    select coalesce(max(file), '') as file
    from meta.progress
    where model = 'mart.gap'
),

evidence as (
    select gap_answer.grid_point
    from gap_answer
    cross join seen
    where gap_answer.file > seen.file
    union all
    select gap_failure.grid_point
    from gap_failure
    cross join seen
    where gap_failure.file > seen.file
)

select
    min(grid_point) as first_at,
    max(grid_point) as last_at,
    (
        select count(*) > 0
        from meta.progress
        where
            model = 'core.pair_history'
            and file > coalesce((select file from meta.progress where model = 'mart.gap by core.pair_history'), '')
    ) as has_metadata,
    (
        select count(*) = 0
        from open.capture
        where
            capture.endpoint = 'ticker/price'
            and capture.file > coalesce((select file from meta.progress where model = 'core.price_history'), '')
    ) as is_ready
from evidence
