-- The candles from the API of the pairs that are put together anew.
insert into candle by name
select *
from rest
semi join renewed using (pair_id);
