-- The symbols in the responses of judged_description, in order of time: those that are described, and all that are
-- named, refused ones included. Responses of the same instant are one, and our own if one of them is.
select
    max(described.capture_id) as capture_id,
    described.retrieved_at,
    bool_or(capture.source <> 'import') as is_own,
    coalesce(list(distinct described.symbol) filter (where described.reason is null), []) as described,
    coalesce(list(distinct described.symbol) filter (where described.symbol is not null), []) as named
from judged_description as described
inner join open.capture using (capture_id)
group by described.retrieved_at
order by described.retrieved_at
