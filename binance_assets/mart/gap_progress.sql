-- Everything that is loaded now has been looked at.
insert or replace into meta.progress by name
select
    'mart.gap' as model,
    file,
    landed_at
from meta.progress
where model = 'raw'
union all
select
    'mart.gap by core.pair_history' as model,
    file,
    landed_at
from meta.progress
where model = 'core.pair_history';
