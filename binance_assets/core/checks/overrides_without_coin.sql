-- Currencies that the reviewed list matches with a coin that does not exist.
select
    currency.code,
    unmatched_currency.reason
from core.unmatched_currency
inner join core.currency using (currency_id)
where starts_with(unmatched_currency.reason, 'the reviewed list')
order by currency.code
