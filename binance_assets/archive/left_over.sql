create or replace table candle as
select *
from candle
order by pair_id, open_at
offset $rows
