-- Files of some pairs and months that were refused as a whole, and that no other version has replaced; and why.
select
    archive_file.symbol,
    archive_file.file,
    archive_defect.kind,
    archive_defect.detail
from raw.archive_file
inner join raw.archive_defect on archive_file.file = archive_defect.file and archive_defect.number = 1
where
    archive_file.state = 'refused'
    and archive_file.month between $first_month and $last_month
    and archive_file.symbol in (select unnest($symbols::varchar[]))
    and not exists (
        select 1
        from raw.archive_file as other
        where
            other.state = 'loaded'
            and other.symbol = archive_file.symbol
            and other.scope = archive_file.scope
            and other.first_day = archive_file.first_day
    )
order by archive_file.symbol, archive_file.first_day
