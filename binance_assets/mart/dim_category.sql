select
    category_id as category_key,
    provider,
    name,
    sector
from core.category
order by category_key
