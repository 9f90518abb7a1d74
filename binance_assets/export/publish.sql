-- The view `publication` as a file that says whether its prices are real. Every reader knows Snappy and version 1.
copy (from publication) to $path (
    format parquet,
    compression snappy,
    parquet_version v1,
    write_bloom_filter false,
    kv_metadata {source: $source, simulated: $simulated}
);

drop view publication;
