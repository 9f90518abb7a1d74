insert into meta.sealed_partition by name
select
    $table as "table",
    $date::date as date,
    num_rows as row_count,
    (now() at time zone 'UTC')::timestamp as sealed_at
from parquet_file_metadata($path)
