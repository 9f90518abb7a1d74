-- Makes the minutes of the sealed day $day due again: they and their hours are open from now on, the minutes without
-- rows. What they are averaged of is read from the partitions themselves: the spanning views look for all days' first.
set variable sealed_day = $day;

create or replace temp view minute_price as
from
    read_parquet(
        format('lake/price_history/date={}/data.parquet', getvariable('sealed_day')), hive_partitioning = false
    );

create or replace temp view minute_capture as
from read_parquet(format('lake/capture/date={}/data.parquet', getvariable('sealed_day')), hive_partitioning = false);

create or replace temp view minute_row as
select * exclude (date)
from lake.fact_price_minute
where date between getvariable('sealed_day') - 1 and getvariable('sealed_day') + 1;

create or replace temp table due_minute as
select distinct
    source,
    date_trunc('minute', received_at) as minute_utc
from minute_capture
where endpoint = 'ticker/price';

delete from open.fact_price_minute
where minute_utc >= $day and minute_utc < $day + interval 1 day;

insert into open.fact_price_hour by name
select * exclude (date)
from lake.fact_price_hour
where date = $day and date in (select date from meta.sealed_partition where "table" = 'fact_price_hour');

delete from meta.sealed_partition
where "table" in ('fact_price_minute', 'fact_price_hour') and date = $day;
