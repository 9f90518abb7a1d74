-- The candles of plainly written files. A line that breaks a rule is left out here; its file is then looked at again,
-- line by line (judged_lines.sql has the same rules, and names for them). One thread reads the files, in the order in
-- which they are listed.
set threads = 1;

insert into candle by name
select
    file.file_key,
    file.pair_id,
    make_timestamp(written.open_time * if(file.is_in_microseconds, 1, 1000)) as open_at,
    written.open_price,
    written.high_price,
    written.low_price,
    written.close_price,
    written.volume,
    written.quote_volume,
    written.trade_count,
    written.taker_buy_volume,
    written.taker_buy_quote_volume
from
    read_csv(
        $paths, header = false, auto_detect = false, delim = ',', quote = '', escape = '', ignore_errors = true,
        filename = true,
        columns = {
            open_time: 'bigint',
            open_price: 'decimal(18, 8)',
            high_price: 'decimal(18, 8)',
            low_price: 'decimal(18, 8)',
            close_price: 'decimal(18, 8)',
            volume: 'decimal(38, 8)',
            close_time: 'bigint',
            quote_volume: 'decimal(38, 8)',
            trade_count: 'integer',
            taker_buy_volume: 'decimal(38, 8)',
            taker_buy_quote_volume: 'decimal(38, 8)',
            ignored: 'varchar'
        }
    ) as written
inner join (
    select
        *,
        epoch_us(since) // if(is_in_microseconds, 1, 1000) as first_time,
        epoch_us(until) // if(is_in_microseconds, 1, 1000) as end_time,
        60_000_000 // if(is_in_microseconds, 1, 1000) as minute_time
    from file
) as file on written.filename = file.path
where
    written.open_time >= file.first_time
    and written.open_time < file.end_time
    and written.open_time % file.minute_time = 0
    and written.close_time - written.open_time = file.minute_time - 1
    and written.low_price > 0
    and written.low_price <= written.open_price
    and written.low_price <= written.close_price
    and written.high_price >= written.open_price
    and written.high_price >= written.close_price
    and written.quote_volume is not null
    and written.taker_buy_volume is not null
    and written.taker_buy_quote_volume is not null
    and (written.volume = 0) = (written.trade_count = 0);

reset threads;
