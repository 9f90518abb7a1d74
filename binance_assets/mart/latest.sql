-- Where the newest prices are gathered, span by span.
create or replace temp table latest (
    pair_key integer,
    observed_at timestamp,
    price decimal(18, 8),
    price_usdt double,
    source varchar
);
