-- The newest of the changes that were found.
select *
from pair_change
order by changed_at desc, symbol asc, what asc
limit $newest
