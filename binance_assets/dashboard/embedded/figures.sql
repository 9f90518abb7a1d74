-- What the top of the page says of the whole market.
with currencies as (
    select base as code from pair
    where is_listed
    union
    select quote as code from pair
    where is_listed
),

newest as (
    select max(hour_utc) as hour_utc from newest_hours
)

select
    (select count(*) from pair where is_listed) as pairs,
    (select count(*) from pair where is_trading) as trading_pairs,
    (select count(*) from currencies) as currencies,
    (select max(observed_at) from fact_price_latest) as newest_price_at,
    hour_utc as coverage_hour,
    (
        select avg(newest_hours.coverage) from newest_hours
        where newest_hours.hour_utc = newest.hour_utc
    ) as coverage_of_hour,
    (
        select avg(newest_hours.coverage) from newest_hours
        where newest_hours.hour_utc > newest.hour_utc - interval 24 hour
    ) as coverage_of_day,
    (select count(*) from gap where to_utc is null and pair_key is null) as open_gaps_of_market,
    (select count(*) from gap where to_utc is null and pair_key is not null) as open_gaps_of_pairs
from newest
