-- The landing files that sealed days were made of.
select distinct
    date::varchar as date,
    file
from read_parquet($captures, hive_partitioning = true, hive_types = { 'date': date })
union
select distinct
    date::varchar as date,
    file
from read_parquet($missed_samples, hive_partitioning = true, hive_types = { 'date': date })
