-- An imported CSV file. Short lines get empty fields, which are refused as such; lines with too many fields, or with
-- bytes that are not UTF-8, are in reject_errors.
create or replace temp table observation as
select
    "Symbol" as symbol,
    "Price" as price,
    "Retrieval_Timestamp" as written_at,
    utc_instant("Retrieval_Timestamp") as retrieved_at,
    (row_number() over ())::integer as position
from read_csv(
    $path, header = true, all_varchar = true, delim = ',', quote = '"', escape = '"', null_padding = true,
    store_rejects = true
);
