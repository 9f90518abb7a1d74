-- Spans of about a million observations with the answers from $first_at to $last_at, each with its neighbours: the
-- answer before it, and the next one after it whose pairs were looked at before; and the instants within which all of
-- these came.
with answer as (
    select
        grid_point,
        lag(grid_point, 1, timestamp '0001-01-01') over (order by grid_point) as previous_at,
        coalesce(
            min(if(was_answered, grid_point, null)) over (
                order by grid_point rows between 1 following and unbounded following
            ),
            timestamp '9999-12-31'
        ) as next_at
    from gap_evidence
    where is_answered
),

numbered as (
    select
        *,
        (row_number() over (order by grid_point) - 1) // 300 as batch
    from answer
    where grid_point between $first_at and $last_at
),

batch as (
    select
        min(grid_point) as since,
        max(grid_point) as until,
        min(previous_at) as previous_at,
        max(next_at) as next_at
    from numbered
    group by batch
)

select
    *,
    if(previous_at = timestamp '0001-01-01', since, previous_at) as first_observed_at,
    if(next_at = timestamp '9999-12-31', until, next_at) + interval 1 minute as last_observed_at
from batch
order by since
