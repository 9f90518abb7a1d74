-- The candles that there were of the other pairs. They are stored again, instead of being sorted as they are read: only
-- from one kind of source are the bytes that are written always the same.
insert into candle by name
select * exclude (date, source, usdt_rate, usdt_path)
from read_parquet($partition, hive_partitioning = false)
anti join renewed using (pair_id)
where pair_id between $first_pair and $last_pair;
