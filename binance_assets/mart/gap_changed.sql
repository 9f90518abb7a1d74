-- Where in the ledger something may change: a table that the other models add to. Rows of pairs that were not quoted
-- at first are always made again; they are few.
create or replace temp table gap_changed as
select expected_from as from_utc
from meta.expected_pair
where expected_from < coalesce(quoted_from, timestamp 'infinity');
