-- Up to which landing file candles were looked for.
insert or replace into meta.progress by name
select
    'raw.rest_kline' as model,
    $file as file,
    $landed_at as landed_at
