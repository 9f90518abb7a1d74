insert into open.capture by name
select
    capture_id,
    endpoint,
    source,
    received_at,
    row_count,
    sha256,
    file
from response
order by received_at;
