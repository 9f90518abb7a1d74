-- Spans of about a million observations with the answers from $first_at to $last_at, each with its neighbours: the answer
-- before it, and the next one after it whose pairs were looked at before.
with numbered as (
    select
        grid_point,
        (row_number() over (order by grid_point) - 1) // 300 as batch
    from gap_evidence
    where is_answered and grid_point between $first_at and $last_at
),

batch as (
    select
        min(grid_point) as since,
        max(grid_point) as until
    from numbered
    group by batch
)

select
    coalesce(
        (select max(grid_point) from gap_evidence where is_answered and grid_point < batch.since),
        timestamp '0001-01-01'
    ) as previous_at,
    since,
    until,
    coalesce(
        (select min(grid_point) from gap_evidence where was_answered and grid_point > batch.until),
        timestamp '9999-12-31'
    ) as next_at
from batch
order by since
