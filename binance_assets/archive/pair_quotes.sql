-- Every pair, with its quote currency.
select
    pair.symbol,
    currency.code
from core.pair
inner join core.currency on pair.quote_currency_id = currency.currency_id
order by pair.symbol
