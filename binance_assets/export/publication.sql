-- The one row that says what the files beside it are.
select
    $source::varchar as source,
    $simulated::boolean as simulated,
    $notice::varchar as notice,
    $published_at::timestamp as published_at,
    $data_until::timestamp as data_until,
    $sampled_until::timestamp as sampled_until,
    $contract_version::integer as contract_version
