-- The time of the earliest metadata that core.pair_history has not read yet.
select min(received_at) as since
from open.capture
where
    endpoint = 'exchangeInfo'
    and file > coalesce((select file from meta.progress where model = 'core.pair_history'), '')
