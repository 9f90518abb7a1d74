-- The one row that says in binance.duckdb what it is.
create table publication as
select
    $source::varchar as source,
    $simulated::boolean as simulated,
    $published_at::timestamp as published_at,
    $data_until::timestamp as data_until,
    $contract_version::integer as contract_version
