-- The newest price of every pair, as the star judges it.
create or replace temp table quoted as
select
    dim_pair.pair_key,
    dim_pair.symbol,
    dim_pair.base_code,
    dim_pair.quote_code,
    latest.price,
    latest.price_text,
    dim_pair.tick_size,
    dim_pair.tick_size_text,
    latest.observed_at as priced_at,
    dim_pair.is_trading,
    not latest.is_stale as is_counted
from fact_price_latest as latest
inner join dim_pair using (pair_key)
