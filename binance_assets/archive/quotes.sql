select
    pair.pair_id,
    currency.code as quote_code
from core.pair
inner join core.currency on pair.quote_currency_id = currency.currency_id
