-- A month, from candles that are in order, as one file. One thread writes it: with several, DuckDB may put what comes
-- from joins in another order.
set threads = 1;

copy (
    select *
    from rated_candle
) to $path (format parquet, compression zstd, compression_level 6, row_group_size $row_group)
