-- Grid points of some landing files at which there was no usable answer.
insert into open.missed_sample by name
select
    due_at,
    source,
    sampling_interval_seconds,
    error,
    message,
    substr(filename, length($landing) + 2) as file
from read_parquet($files, filename = true)
where
    body is null
    and not exists (
        from open.missed_sample
        where missed_sample.due_at = read_parquet.due_at and missed_sample.source = read_parquet.source
    )
order by due_at
