select
    pair_id,
    count(*) as row_count
from read_parquet($partition, hive_partitioning = false)
group by pair_id
