-- How many pairs cost less than one unit of their quote currency, and how many next to nothing.
select
    count(*) as pairs,
    count(*) filter (where price < 1) as below_one,
    count(*) filter (where price < 0.0001) as micro,
    count(*) filter (where tick_size >= 0.01 * price) as coarse,
    count(*) filter (where quote_code = $quote) as pairs_in_quote,
    count(*) filter (where quote_code = $quote and price < 1) as below_one_in_quote,
    count(*) filter (where quote_code = $quote and price < 0.0001) as micro_in_quote,
    median(price) filter (where quote_code = $quote) as median_in_quote
from quoted
where is_counted
