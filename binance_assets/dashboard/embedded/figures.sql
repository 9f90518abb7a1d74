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
),

-- Of a silence of many hours there are no rows, but its hours count: as 0.
silence as (
    select min(gap.from_utc) as from_utc
    from gap
    cross join newest
    where
        gap.pair_key is null
        and gap.from_utc < newest.hour_utc
        and coalesce(gap.to_utc, timestamp 'infinity') > newest.hour_utc - interval 23 hour
),

first_of_day as (
    select
        greatest(
            newest.hour_utc - interval 23 hour,
            least((select min(hour_utc) from newest_hours), date_trunc('hour', silence.from_utc))
        ) as hour_utc
    from newest
    cross join silence
),

hour_of_day as (
    select avg(newest_hours.coverage) as coverage
    from newest_hours
    cross join first_of_day
    where newest_hours.hour_utc >= first_of_day.hour_utc
    group by newest_hours.hour_utc
)

select
    (select count(*) from pair where is_listed) as pairs,
    (select count(*) from pair where is_trading) as trading_pairs,
    (select count(*) from currencies) as currencies,
    (select max(observed_at) from fact_price_latest) as newest_price_at,
    newest.hour_utc as coverage_hour,
    (
        select avg(newest_hours.coverage) from newest_hours
        where newest_hours.hour_utc = newest.hour_utc
    ) as coverage_of_hour,
    (select sum(hour_of_day.coverage) from hour_of_day)
    / (date_diff('hour', first_of_day.hour_utc, newest.hour_utc) + 1) as coverage_of_day,
    (select count(*) from gap where to_utc is null and pair_key is null) as open_gaps_of_market,
    (select count(*) from gap where to_utc is null and pair_key is not null) as open_gaps_of_pairs
from newest
cross join first_of_day
