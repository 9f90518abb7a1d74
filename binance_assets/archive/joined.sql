-- A month, from pieces that are sorted, as one file. One thread reads them one after the other.
set threads = 1;

copy (
    select *
    from rated_candle
) to $path (format parquet, compression zstd, compression_level 6)
