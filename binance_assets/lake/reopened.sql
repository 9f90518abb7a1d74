-- These days are open again.
delete from meta.sealed_partition
where date between $first_day and $last_day
