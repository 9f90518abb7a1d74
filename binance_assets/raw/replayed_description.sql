-- Adds the symbols of exchangeInfo responses that were loaded before.
insert into description_row by name
with listed as (
    select
        capture_id,
        received_at,
        substr(filename, length($landing) + 2) as file,
        from_json(decode(body)::json -> '$.symbols', '["json"]') as elements
    from read_parquet($files, filename = true)
    where capture_id in (select capture_id from open.capture)
)

select
    capture_id,
    received_at as retrieved_at,
    file,
    coalesce(unnest(elements), 'null') as payload,
    unnest(range(1, len(elements) + 1)) as position
from listed
