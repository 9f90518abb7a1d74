-- The symbols in the responses of judged_description, in order of time: those that are described, and all that are
-- named, refused ones included. Responses of the same instant are one.
select
    max(capture_id) as capture_id,
    retrieved_at,
    coalesce(list(distinct symbol) filter (where reason is null), []) as described,
    coalesce(list(distinct symbol) filter (where symbol is not null), []) as named
from judged_description
group by retrieved_at
order by retrieved_at
