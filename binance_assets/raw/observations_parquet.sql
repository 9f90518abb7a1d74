-- An imported Parquet file. Its instants may be text or timestamps with or without a zone; all are read as UTC.
create or replace temp table observation as
select
    "Symbol"::varchar as symbol,
    "Price"::varchar as price,
    "Retrieval_Timestamp"::varchar as written_at,
    if(
        typeof("Retrieval_Timestamp") like 'TIMESTAMP%',
        make_timestamp(epoch_us(try_cast("Retrieval_Timestamp" as timestamp))),
        utc_instant("Retrieval_Timestamp"::varchar)
    ) as retrieved_at,
    (row_number() over ())::integer as position,
    concat_ws(',', "Symbol", "Price", "Retrieval_Timestamp") as written,
    null::varchar as reason
from read_parquet($path);
