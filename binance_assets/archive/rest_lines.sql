-- The candles of the responses in the landing files $files, each as if it were a line of a file of its response.
create or replace temp table written as
with listed as (
    select
        capture_id,
        from_json(decode(body)::json, '["json"]') as elements
    from read_parquet($files)
    semi join kline_response using (capture_id)
    qualify row_number() over (partition by capture_id order by received_at) = 1
),

element as (
    select
        capture_id,
        unnest(elements) as written,
        unnest(range(1, len(elements) + 1))::integer as line
    from listed
)

select
    element.capture_id as part,
    element.line,
    coalesce(element.written::varchar, 'null') as text,
    coalesce(from_json(element.written, '["varchar"]'), []) as field,
    kline_response.since,
    kline_response.until,
    epoch_us(kline_response.length) as length_us,
    false as is_in_microseconds
from element
inner join kline_response using (capture_id);
