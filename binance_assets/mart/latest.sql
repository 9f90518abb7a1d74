-- Where the newest prices are gathered, span by span; those that need not be looked up are there already.
create or replace temp table latest (
    pair_key integer,
    observed_at timestamp,
    price decimal(18, 8),
    price_usdt double,
    usdt_path varchar,
    source varchar
);

insert into latest by name
select
    fact_price_latest.pair_key,
    fact_price_latest.observed_at,
    fact_price_latest.price,
    fact_price_latest.price_usdt,
    fact_price_latest.usdt_path,
    fact_price_latest.source
from mart.fact_price_latest
inner join meta.latest_price
    on
        fact_price_latest.pair_key = latest_price.pair_id
        and fact_price_latest.observed_at = latest_price.observed_at
        and fact_price_latest.source = latest_price.source
where fact_price_latest.observed_at <= (select max(observed_at) - interval 2 day from meta.latest_price)
