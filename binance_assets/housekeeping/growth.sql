-- How many of the newest thirty sealed days there are, and how many bytes of them lie in the lake.
with newest as (
    select distinct date
    from meta.sealed_partition
    order by date desc
    limit 30
)

select
    count(distinct newest.date) as days,
    sum(partition.size)::bigint as bytes
from read_blob($lake || '/*/date=*/data.parquet') as partition
inner join newest on newest.date = regexp_extract(partition.filename, 'date=([0-9-]+)', 1)::date
