insert into meta.kline_month by name
select
    $month as month,
    $partition as partition,
    $hours as hours,
    $row_count as row_count,
    coalesce((select hash from month_usdt_ways where month = $month), '') as usdt_ways,
    (now() at time zone 'UTC')::timestamp as made_at
where $partition is not null
