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
where body is null
order by due_at
