select
    currency_id as currency_key,
    code,
    name,
    asset_type
from core.currency
order by currency_key
