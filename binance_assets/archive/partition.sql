-- A month, sorted, as one file.
copy (
    select *
    from rated_candle
    order by pair_id, open_at
) to $path (format parquet, compression zstd, compression_level 6)
