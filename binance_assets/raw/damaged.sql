-- Landing files with a response that does not match its hash.
select distinct filename
from read_parquet($files, filename = true)
where sha256(body) <> sha256
order by filename
