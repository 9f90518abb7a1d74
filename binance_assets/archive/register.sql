-- What was read for a month, in the transaction that makes its partition count.
--
-- What the days of other files say is as it was. The first candle after a day is compared with the day's last.
insert or ignore into meta.open_quality_day by name
with changed as (
    select
        symbol,
        first_day,
        if(scope = 'monthly', first_day + interval 1 month, first_day + interval 1 day) as last_day
    from read_parquet($files)
    anti join raw.archive_file using (file, state)
)

select distinct
    unnest(generate_series(changed.first_day::timestamp, changed.last_day, interval 1 day))::date as date_utc,
    pair.pair_id as pair_key
from changed
inner join core.pair using (symbol);

delete from raw.archive_file
where file in (select file from read_parquet($files));

insert into raw.archive_file by name
select
    *,
    $loaded_at as loaded_at
from read_parquet($files);

delete from raw.archive_defect
where file in (select file from read_parquet($files));

insert into raw.archive_defect by name
select *
from read_parquet($defects);

delete from meta.open_kline_month
where month = $month;

delete from meta.kline_month
where month = $month;
