-- The candles behind the first $rows, which are in order.
set threads = 1;

create or replace table candle as
select *
from candle
where rowid >= $rows;

reset threads;
