-- Rolls up one day, $date, from its hours, for the sources that the temporary table `due_day` names. The hours are read
-- from the view, since those of a day that a rebuild took over are in the lake.
delete from mart.fact_price_day
where
    date_utc = $date
    and source in (select source from due_day where date_utc = $date);

-- Sums of doubles are made in order of time, since their last digits depend on the order.
insert into mart.fact_price_day by name
select
    pair_key,
    date_key(date) as date_key,
    date as date_utc,
    source,
    sum(price_sum) as price_sum,
    sum(price_sum) / sum(observation_count) as average_price,
    sum(time_weighted_price * observed_minutes order by hour_utc) / sum(observed_minutes) as time_weighted_price,
    arg_min(open_price, hour_utc) as open_price,
    max(high_price) as high_price,
    min(low_price) as low_price,
    arg_max(close_price, hour_utc) as close_price,
    sum(observation_count) as observation_count,
    sum(expected_count) as expected_count,
    sum(coverage::decimal(18, 17)) / 24 as coverage,
    sum(observed_minutes) as observed_minutes,
    sum(filled_minutes) as filled_minutes,
    1440 - sum(observed_minutes) - sum(filled_minutes) as missing_minutes,
    sum(price_usdt * observation_count order by hour_utc)
    / sum(observation_count) filter (where price_usdt is not null) as price_usdt,
    case
        when min(usdt_path) = max(usdt_path) then min(usdt_path)
        when min(usdt_path) < max(usdt_path) then 'several'
    end as usdt_path,
    if(sum(observation_count) > 0, 'observations', null) as average_kind
from lake.fact_price_hour
where
    date = $date
    and source in (select source from due_day where date_utc = $date)
group by pair_key, date, source
order by pair_key;

insert or ignore into meta.open_quality_day by name
select
    $date as date_utc,
    0 as pair_key;

delete from meta.open_day
where
    date_utc = $date
    and source in (select source from due_day where date_utc = $date);
