-- One response as a Parquet file of one row.
copy (
    select
        $capture_id as capture_id,
        $endpoint as endpoint,
        $source as source,
        $base_url::varchar as base_url,
        $requested_at::timestamp as requested_at,
        $received_at::timestamp as received_at,
        $exchange_at::timestamp as exchange_at,
        $used_weight::integer as used_weight,
        $sampling_interval_seconds::integer as sampling_interval_seconds,
        $sha256 as sha256,
        $body::blob as body
) to $path (format parquet, compression zstd)
