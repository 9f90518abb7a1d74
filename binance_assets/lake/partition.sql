-- The hours of a day, each sorted, one after the other as one file.
copy (
    select * from read_parquet($pieces, hive_partitioning = false)
) to $path (format parquet, compression zstd, compression_level 6)
