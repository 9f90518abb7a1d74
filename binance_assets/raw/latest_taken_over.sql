-- The newest price of every pair in the sealed days: its last minute knows it.
insert into meta.latest_price by name
select
    pair_key as pair_id,
    max(last_observed_at) as observed_at,
    max_by(source, (last_observed_at, source)) as source,
    max_by(close_price, (last_observed_at, source)) as price
from lake.fact_price_minute
where observation_count > 0
group by pair_key
