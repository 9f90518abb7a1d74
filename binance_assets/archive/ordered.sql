-- The candles in the order in which they are written.
set threads = 1;

create or replace table candle as
select *
from candle
order by pair_id, open_at;

reset threads;
