-- The symbols of which it was in doubt just before the responses in judged_description whether they are still listed.
select
    symbol,
    missing_since
from meta.doubted_symbol
where
    missing_since < (select min(retrieved_at) from judged_description)
    and coalesce(ended_at >= (select min(retrieved_at) from judged_description), true)
