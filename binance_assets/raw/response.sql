-- The responses of some landing files that are not loaded yet, in a temporary table that the other models read.
create or replace temp table response as
select
    capture_id,
    endpoint,
    source,
    base_url,
    due_at,
    requested_at,
    received_at,
    exchange_at,
    used_weight,
    sampling_interval_seconds,
    clock_offset_seconds,
    sha256,
    sha256 = sha256(body) as is_whole,
    decode(body)::json as body,
    substr(filename, length($landing) + 2) as file
from read_parquet($files, filename = true)
where
    body is not null
    and not exists (from open.capture where capture.capture_id = read_parquet.capture_id)
qualify row_number() over (partition by capture_id order by filename) = 1;

-- Rows of ticker/price, one object or a list of them.
create or replace temp table ticker_row as
with listed as (
    select
        capture_id,
        received_at,
        from_json(if(json_type(body) = 'ARRAY', body, json_array(body)), '["json"]') as elements
    from response
    where endpoint = 'ticker/price'
),

element as (
    select
        capture_id,
        received_at as retrieved_at,
        coalesce(unnest(elements), 'null') as written,
        unnest(range(1, len(elements) + 1)) as position
    from listed
)

select
    capture_id,
    retrieved_at,
    position,
    written,
    written ->> '$.symbol' as symbol,
    written ->> '$.price' as price,
    case
        when json_type(written) <> 'OBJECT' then 'it is not an object'
        when coalesce(json_type(written, '$.symbol'), '') <> 'VARCHAR' then 'its symbol is missing or not text'
        when coalesce(json_type(written, '$.price'), '') <> 'VARCHAR' then 'its price is missing or not text'
    end as reason
from element;

-- Symbols of exchangeInfo.
create or replace temp table description_row as
with listed as (
    select
        capture_id,
        received_at,
        file,
        from_json(body -> '$.symbols', '["json"]') as elements
    from response
    where endpoint = 'exchangeInfo'
)

select
    capture_id,
    received_at as retrieved_at,
    file,
    coalesce(unnest(elements), 'null') as payload,
    unnest(range(1, len(elements) + 1)) as position
from listed;
