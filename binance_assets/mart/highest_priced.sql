-- The highest-priced pairs in one quote currency, stale ones left out.
select
    latest.price_rank_in_quote,
    dim_pair.symbol,
    latest.price,
    latest.observed_at
from mart.fact_price_latest as latest
inner join mart.dim_pair using (pair_key)
where dim_pair.quote_code = $quote and not latest.is_stale
order by latest.price_rank_in_quote, dim_pair.symbol
limit $top
