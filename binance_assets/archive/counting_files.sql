-- The files of a month whose candles count, of some pairs.
select
    archive_file.file,
    pair.pair_id
from raw.archive_file
inner join core.pair using (symbol)
where
    archive_file.month = $month
    and archive_file.state = 'loaded'
    and pair.pair_id in (select unnest($pair_ids::integer[]))
order by archive_file.file
