-- What was found in the files of some pairs and months whose candles count.
select
    archive_defect.kind,
    count(*) as findings,
    count(distinct archive_defect.file) as files,
    sum(archive_defect.affected_count)::bigint as affected
from raw.archive_defect
inner join raw.archive_file using (file)
where
    archive_file.state = 'loaded'
    and archive_file.month between $first_month and $last_month
    and archive_file.symbol in (select unnest($symbols::varchar[]))
group by archive_defect.kind
order by archive_defect.kind
