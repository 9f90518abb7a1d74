-- Which minutes of the span of each file it has no candle of: at its start (the pair may not have been listed yet), in
-- between, and at its end.
create or replace table found as
select
    file_key,
    count(*) as row_count,
    min(open_at) as first_at,
    max(open_at) as last_at
from candle
semi join file using (file_key)
group by file_key;

insert into defect by name
with incomplete as (
    select
        file.file_key,
        file.since,
        file.until,
        found.first_at,
        found.last_at
    from file
    inner join found using (file_key)
    where found.row_count < date_diff('minute', file.since, file.until)
),

step as (
    select
        file_key,
        lag(open_at) over (partition by file_key order by open_at) + interval 1 minute as from_utc,
        open_at as to_utc
    from candle
    semi join incomplete using (file_key)
),

absence as (
    select
        file_key,
        'absent' as kind,
        from_utc,
        to_utc
    from step
    where from_utc < to_utc
    union all
    select
        file_key,
        'late_start' as kind,
        since as from_utc,
        first_at as to_utc
    from incomplete
    where since < first_at
    union all
    select
        file_key,
        'cut_end' as kind,
        last_at + interval 1 minute as from_utc,
        until as to_utc
    from incomplete
    where last_at + interval 1 minute < until
)

select
    *,
    date_diff('minute', from_utc, to_utc) as affected_count
from absence;
