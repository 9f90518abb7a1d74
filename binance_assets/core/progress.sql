-- Everything that is loaded now has been read by this model.
insert or replace into meta.progress by name
select
    $model as model,
    file,
    landed_at
from meta.progress
where model = 'raw'
