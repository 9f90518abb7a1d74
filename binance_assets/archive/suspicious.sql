-- Files that are plainly written, and of which a line is missing among the candles, or a time does not grow.
with grown as (
    select
        file_key,
        file_key = lag(file_key) over () and open_at <= lag(open_at) over () as goes_back
    from candle
),

found as (
    select
        file_key,
        count(*) as row_count,
        bool_or(goes_back) as goes_back
    from grown
    group by file_key
)

select file.file_key
from file
left join found using (file_key)
where
    file.line_count is not null
    and (found.row_count is distinct from file.line_count or found.goes_back)
