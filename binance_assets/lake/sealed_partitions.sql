select
    "table",
    date
from meta.sealed_partition
where date between $first_day and $last_day
order by date
