-- What came of some requests, a row each, as a Parquet file: a response with its body, or the error instead of one.
copy (
    select
        capture_id::varchar as capture_id,
        endpoint::varchar as endpoint,
        source::varchar as source,
        base_url::varchar as base_url,
        due_at::timestamp as due_at,
        requested_at::timestamp as requested_at,
        received_at::timestamp as received_at,
        exchange_at::timestamp as exchange_at,
        used_weight::integer as used_weight,
        sampling_interval_seconds::integer as sampling_interval_seconds,
        clock_offset_seconds::double as clock_offset_seconds,
        sha256::varchar as sha256,
        body::blob as body,
        error::varchar as error,
        message::varchar as message
    from request
    order by coalesce(received_at::timestamp, due_at::timestamp)
) to $path (format parquet, compression zstd)
