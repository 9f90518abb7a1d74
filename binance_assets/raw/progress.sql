insert or replace into meta.progress by name
select
    'raw' as model,
    $file as file,
    $landed_at as landed_at
