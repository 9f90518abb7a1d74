-- What was read for a month, in the transaction that makes its partition count.
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
