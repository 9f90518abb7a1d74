-- The first $rows candles, which are in order, as a file by themselves.
set threads = 1;

copy (
    select *
    from candle
    where rowid < $rows
) to $path (format parquet);

reset threads;
