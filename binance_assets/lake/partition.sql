-- A day as one file. Filters of values would take a fifth of it, and nothing looks for a price. Long rows are few in a
-- group, since a group is held in memory.
copy (
    select *
    from day
) to $path (
    format parquet,
    compression zstd,
    compression_level 6,
    write_bloom_filter false,
    row_group_size_bytes '32MB'
)
