-- What became of each file of the batch, and what is wrong in it.
insert into outcome by name
select
    file.file,
    file.file_key,
    file.symbol,
    file.scope,
    file.month,
    file.since::date as first_day,
    file.url,
    file.sha256,
    file.size_bytes,
    file.last_modified,
    file.retrieved_at,
    case
        when refusal.file_key is not null then 'refused'
        when superseded.file_key is not null then 'superseded'
        else 'loaded'
    end as state,
    coalesce(found.row_count, 0)::integer as candle_count,
    found.first_at,
    found.last_at
from file
left join refusal using (file_key)
left join superseded using (file_key)
left join found using (file_key);

insert into finding by name
select
    file.file,
    row_number() over (
        partition by defect.file_key order by defect.line, defect.from_utc, defect.kind, defect.detail
    )::integer as number,
    defect.kind,
    defect.line,
    defect.last_line,
    defect.from_utc,
    defect.to_utc,
    defect.affected_count,
    defect.detail
from defect
inner join file using (file_key);
