-- An imported Parquet file. Its instants may be text, or timestamps with or without a zone: as text, they all say
-- which instant they mean.
create or replace temp table observation as
select
    "Symbol"::varchar as symbol,
    "Price"::varchar as price,
    "Retrieval_Timestamp"::varchar as written_at,
    utc_instant("Retrieval_Timestamp"::varchar) as retrieved_at,
    (row_number() over ())::integer as position,
    concat_ws(',', "Symbol", "Price", "Retrieval_Timestamp") as written,
    null::varchar as reason
from read_parquet($path);
