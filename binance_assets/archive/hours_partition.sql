-- The hours of a month, sorted, as one file.
copy (
    select *
    from hour
    order by pair_id, hour_utc, source
) to $path (format parquet, compression zstd, compression_level 6)
