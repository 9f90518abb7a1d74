-- Whether the candles stand in the order in which they are written, each once, and their table has neither holes nor
-- unfilled row groups: of the same candles it then always makes the same bytes.
with step as (
    select
        pair_id > lag(pair_id) over () or (pair_id = lag(pair_id) over () and open_at > lag(open_at) over ())
            as is_in_order
    from candle
),

row_group as (
    select sum("count") as row_count
    from pragma_storage_info('candle')
    where column_name = 'pair_id' and segment_type <> 'VALIDITY'
    group by row_group_id
)

select
    (select coalesce(bool_and(is_in_order), true) from step)
    and (select coalesce(sum(row_count), 0) from row_group) = (select count(*) from candle)
    and (select count(*) from row_group where row_count <> $row_group) <= 1 as is_in_order
