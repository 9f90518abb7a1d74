-- The grid points with an answer next to those from $first_at to $last_at, between which everything is looked at again;
-- and whether sealed days lie in there.
with neighbour as (
    select
        coalesce(
            (select max(grid_point) from gap_answer where grid_point < $first_at), timestamp '0001-01-01'
        ) as previous_at,
        coalesce(
            (select min(grid_point) from gap_answer where grid_point > $last_at), timestamp '9999-12-31'
        ) as next_at
)

select
    previous_at,
    next_at,
    exists (
        from meta.sealed_partition
        where sealed_partition.date between neighbour.previous_at::date and neighbour.next_at::date
    ) as has_sealed_days
from neighbour
