-- The first $rows candles, sorted, as a file by themselves.
copy (
    select *
    from candle
    order by pair_id, open_at
    limit $rows
) to $path (format parquet)
