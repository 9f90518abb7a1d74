-- Currencies that wait for review, with the number of coins that they may be.
select
    currency.code,
    unmatched_currency.reason,
    count(candidate.coinmarketcap_id) as candidates
from core.unmatched_currency
inner join core.currency using (currency_id)
left join core.unmatched_currency_candidate as candidate using (currency_id)
group by currency.code, unmatched_currency.reason
order by currency.code
