-- An imported CSV file. Each line stands for itself: no field can hold a comma or a line's end, so quotes are only
-- taken off, and one that is never closed does not swallow the lines after it. Short lines get empty fields, which are
-- refused as such. Lines with too many fields, or with bytes that are not UTF-8, are refused as they stand. Headers may
-- repeat: a user may have appended one output of `prices --csv` to another.
drop table if exists reject_errors;

drop table if exists reject_scans;

create or replace temp table observation as
with line as (
    select
        unquoted(symbol) as symbol,
        unquoted(price) as price,
        unquoted(written_at) as written_at,
        (row_number() over ())::integer as position
    from
        read_csv(
            $path, header = true, auto_detect = false, delim = ',', quote = '', escape = '', null_padding = true,
            columns = { symbol: 'varchar', price: 'varchar', written_at: 'varchar' }, store_rejects = true
        )
)

select
    symbol,
    price,
    written_at,
    utc_instant(written_at) as retrieved_at,
    position,
    concat_ws(',', symbol, price, written_at) as written,
    null::varchar as reason
from line
where (symbol, price, written_at) is distinct from ('Symbol', 'Price', 'Retrieval_Timestamp');

insert into observation by name
select
    (line - 1)::integer as position,
    trim(any_value(csv_line), e'\r\n') as written,
    concat('it is no line of three fields in UTF-8: ', lower(any_value(error_type)::varchar)) as reason
from reject_errors
group by line;
