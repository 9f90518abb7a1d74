-- The bodies in a landing file, in the order in which they were received.
select body
from read_parquet($path)
where body is not null
order by received_at
