-- Captures with prices that core.price_history has not read yet: how many, and the span of their instants.
select
    count(*) as captures,
    min(received_at) as first_at,
    max(received_at) as last_at
from open.capture
where
    endpoint = 'ticker/price'
    and file > coalesce((select file from meta.progress where model = 'core.price_history'), '')
