select
    currency_id as currency_key,
    category_id as category_key,
    valid_from,
    coalesce(valid_to, timestamp '9999-12-31') as valid_to
from core.currency_category
order by currency_key, category_key, valid_from
