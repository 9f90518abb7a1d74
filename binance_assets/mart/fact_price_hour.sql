-- Rolls up the due hours from $since up to $until from their minutes, in the temporary table `due_hour`.
delete from open.fact_price_hour
where
    hour_utc >= $since
    and hour_utc < $until
    and (source, hour_utc) in (select (source, hour_utc) from due_hour);

-- Sums of doubles are made in order of time, since their last digits depend on the order.
insert into open.fact_price_hour by name
with minute as (
    select
        *,
        date_trunc('hour', minute_utc) as hour_utc,
        close_price::decimal(28, 8) * observation_count + sum_over_close as observed_sum
    from open.fact_price_minute
    where minute_utc >= $since and minute_utc < $until
),

way as (
    select distinct
        pair_key,
        path
    from meta.usdt_way
)

select
    minute.pair_key,
    date_key(hour_utc) as date_key,
    time_key(hour_utc) as time_key,
    hour_utc,
    source,
    sum(observed_sum) as price_sum,
    sum(observed_sum) / sum(observation_count) as average_price,
    sum(observed_sum / observation_count + time_weighted_over_average order by minute_utc)
    / count(close_price) as time_weighted_price,
    arg_min(close_price + open_over_close, minute_utc) as open_price,
    max(close_price + high_over_close) as high_price,
    min(close_price - close_over_low) as low_price,
    arg_max(close_price, minute_utc) as close_price,
    sum(observation_count) as observation_count,
    sum(expected_count) as expected_count,
    coalesce(
        sum(least(1, observation_count / expected_count)::decimal(18, 17)) filter (where observation_count > 0), 0
    ) / 60 as coverage,
    count(close_price) as observed_minutes,
    count(filled_price) as filled_minutes,
    60 - observed_minutes - filled_minutes as missing_minutes,
    sum(observed_sum * usdt_rate order by minute_utc)
    / sum(observation_count) filter (where usdt_rate is not null) as price_usdt,
    case
        when min(usdt_pair_key) < max(usdt_pair_key) then 'several'
        when count(usdt_pair_key) > 0 then any_value(way.path)
        when count(usdt_rate) > 0 then 'USDT'
    end as usdt_path
from minute
semi join due_hour using (source, hour_utc)
left join way on minute.usdt_pair_key = way.pair_key
group by minute.pair_key, hour_utc, source
order by hour_utc, minute.pair_key;

insert or ignore into meta.open_day by name
select distinct
    hour_utc::date as date_utc,
    source
from due_hour
where hour_utc >= $since and hour_utc < $until;

delete from meta.open_hour
where
    hour_utc >= $since
    and hour_utc < $until
    and (source, hour_utc) in (select (source, hour_utc) from due_hour);
