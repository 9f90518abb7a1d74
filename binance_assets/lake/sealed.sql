insert into meta.sealed_partition by name
select
    $table as "table",
    $date as date,
    $row_count as row_count,
    (now() at time zone 'UTC')::timestamp as sealed_at
