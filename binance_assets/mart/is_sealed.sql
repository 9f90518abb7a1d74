select count(*) > 0
from meta.sealed_partition
where "table" = 'price_history' and date = $day
