-- How often each kind of change was found.
select
    if(what in ('listed', 'returned', 'halted', 'resumed', 'removed'), what, 'rules_changed') as what,
    count(*) as changes
from pair_change
group by all
