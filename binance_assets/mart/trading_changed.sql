-- What was made before the spans in `trading_change` were known is made anew: minutes where the ways to USDT may be
-- others, and hours, in which pairs are compared that traded. Of sealed days, the whole day.
create or replace temp table way_change as
select
    from_utc,
    until_utc,
    pair_key
from trading_change
where
    pair_key in (
        select unnest([pair_key, via_pair_key])
        from usdt_way_before
        where is_of_quote
        union all
        select unnest([pair_key, via_pair_key])
        from meta.usdt_way
        where is_of_quote
    );

insert or ignore into meta.open_minute by name
select distinct
    fact_price_minute.minute_utc,
    fact_price_minute.source
from open.fact_price_minute
inner join way_change
    on
        fact_price_minute.pair_key = way_change.pair_key
        and fact_price_minute.minute_utc >= way_change.from_utc
        and fact_price_minute.minute_utc < way_change.until_utc
where fact_price_minute.observation_count > 0;

insert or ignore into meta.open_hour by name
select distinct
    fact_price_hour.hour_utc,
    fact_price_hour.source
from open.fact_price_hour
inner join trading_change
    on
        fact_price_hour.pair_key = trading_change.pair_key
        and fact_price_hour.hour_utc + interval 1 hour > trading_change.from_utc
        and fact_price_hour.hour_utc < trading_change.until_utc
where fact_price_hour.observed_minutes > 0;

insert or ignore into meta.taken_over_day by name
select distinct fact_price_day.date_utc as date
from mart.fact_price_day
inner join trading_change
    on
        fact_price_day.pair_key = trading_change.pair_key
        and fact_price_day.date_utc + interval 1 day > trading_change.from_utc
        and fact_price_day.date_utc < trading_change.until_utc
inner join meta.sealed_partition
    on
        fact_price_day.date_utc = sealed_partition.date
        and sealed_partition."table" = 'price_history'
where fact_price_day.observed_minutes > 0 and fact_price_day.source not in ('archive', 'rest');

-- A newest price that is two days old is not looked up again by itself.
delete from mart.fact_price_latest
using way_change
where
    fact_price_latest.observed_at >= way_change.from_utc
    and fact_price_latest.observed_at < way_change.until_utc;

insert or replace into meta.progress by name
select
    'mart.usdt_way' as model,
    file,
    landed_at
from meta.progress
where model = 'core.pair_history'
