-- The hours of a day, each sorted, one after the other as one file.
copy (
    select *
    from read_parquet($pieces)
) to $path (format parquet, compression zstd, compression_level 6)
