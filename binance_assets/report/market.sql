-- How many pairs count, why others do not, and which quote currency is looked at more closely: USDT where it is there.
select
    count(*) as priced_pairs,
    count(*) filter (where is_counted) as pairs,
    count(*) filter (where not is_trading) as halted_pairs,
    count(*) filter (where is_trading and not is_counted) as unmoved_pairs,
    count(distinct quote_code) filter (where is_counted) as quotes,
    if(
        bool_or(quote_code = 'USDT' and is_counted), 'USDT', mode(quote_code) filter (where is_counted)
    ) as quote,
    max(priced_at) as priced_until
from quoted
