-- The view `publication` as a file that says whether its prices are real.
copy (from publication) to $path (
    format parquet, compression zstd, kv_metadata {source: $source, simulated: $simulated}
)
