-- Currencies that the reviewed list matches with a coin of another price.
select
    currency.code,
    currency_coinmarketcap.coinmarketcap_id,
    currency_coinmarketcap.evidence
from core.currency_coinmarketcap
inner join core.currency using (currency_id)
where currency_coinmarketcap.method = 'override' and currency_coinmarketcap.confidence < 0.9
order by currency.code
