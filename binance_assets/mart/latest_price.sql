-- The newest prices that lie in one span, with what mart.fact_price says of them.
insert into latest by name
select
    fact_price.pair_key,
    fact_price.observed_at,
    fact_price.price,
    fact_price.price_usdt,
    fact_price.usdt_path,
    fact_price.source
from mart.fact_price
semi join meta.latest_price
    on
        fact_price.pair_key = latest_price.pair_id
        and fact_price.observed_at = latest_price.observed_at
        and fact_price.source = latest_price.source
where
    fact_price.date >= $since::date
    and fact_price.date <= $until::date
    and fact_price.observed_at >= $since
    and fact_price.observed_at <= $until
