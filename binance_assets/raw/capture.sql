insert into open.capture by name
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
    case
        when endpoint = 'ticker/price' then if(json_type(body) = 'ARRAY', json_array_length(body), 1)
        when endpoint = 'exchangeInfo' then json_array_length(body, '$.symbols')
        when starts_with(endpoint, 'coinmarketcap/category/') then coalesce(json_array_length(body, '$.data.coins'), 0)
        when starts_with(endpoint, 'coinmarketcap/') then coalesce(json_array_length(body, '$.data'), 0)
        when starts_with(endpoint, 'klines/') then json_array_length(body)
    end as row_count,
    sha256,
    file
from response
order by file;
