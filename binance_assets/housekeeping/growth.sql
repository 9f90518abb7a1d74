-- How many of the newest thirty sealed days there are, and how many bytes of them lie in the lake.
with newest as (
    select distinct date
    from meta.sealed_partition
    order by date desc
    limit 30
)

select
    count(distinct date) as days,
    sum(size)::bigint as bytes
from read_blob($lake || '/*/date=*/data.parquet')
inner join newest on date = regexp_extract(filename, 'date=([0-9-]+)', 1)::date
