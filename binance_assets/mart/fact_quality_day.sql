-- Measures the pairs and days in the temporary table `quality_pair`, from $since up to $until. A day's minutes are a
-- string of 1,440 bits.
delete from mart.fact_quality_day
where
    date_utc >= $since
    and date_utc < $until
    and ((date_utc, pair_key) in (from due_quality) or (date_utc, 0) in (from due_quality));

insert into mart.fact_quality_day by name
with sampled as (
    select
        fact_price_minute.pair_key,
        date as date_utc,
        bitstring_agg(time_key(minute_utc), 0, 1439) filter (where observation_count > 0) as minutes,
        max(if(observation_count > 0, 0, epoch_us(minute_utc - last_observed_at) / 1e6)) as staleness_seconds
    from lake.fact_price_minute
    semi join quality_pair
        on fact_price_minute.pair_key = quality_pair.pair_key and fact_price_minute.date = quality_pair.date_utc
    where date >= $since and date < $until
    group by fact_price_minute.pair_key, date
),

candle as (
    select
        kline.pair_id as pair_key,
        date as date_utc,
        bitstring_agg(time_key(open_at), 0, 1439) as minutes
    from raw.kline
    semi join quality_pair
        on kline.pair_id = quality_pair.pair_key and kline.date = quality_pair.date_utc
    where date >= $since and date < $until
    group by kline.pair_id, date
),

-- A minute that a gap only touches is one of it: if it was observed, it does not count as missing all the same.
gap as (
    select
        *,
        date_diff('minute', date_utc, since_at) as first_minute,
        date_diff('minute', date_utc, until_at + interval 1 minute - interval 1 microsecond) as end_minute
    from quality_gap
),

ledger as (
    select
        pair_key,
        date_utc,
        bit_or(minutes) filter (where kind = 'not_trading') as not_trading_gap,
        bit_or(minutes) filter (where kind = 'explained') as explained_gap,
        bit_or(minutes) filter (where kind = 'unexplained') as unexplained_gap,
        max(epoch_us(until_at - from_utc) / 1e6) filter (where is_long_silence) as staleness_seconds
    from (
        select
            *,
            (
                repeat('0', first_minute)
                || repeat('1', end_minute - first_minute)
                || repeat('0', 1440 - end_minute)
            )::bit as minutes
        from gap
    ) as marked
    group by pair_key, date_utc
),

day as (
    select
        pair_key,
        date_utc,
        arg_min(coverage, source = 'import') as coverage
    from mart.fact_price_day
    where date_utc >= $since and date_utc < $until and source not in ('archive', 'rest')
    group by pair_key, date_utc
),

compared as (
    select
        pair_key,
        date_utc,
        count(*) as compared_minutes,
        count(*) filter (where is_outside) as outside_minutes,
        count(deviation_bp) as traded_minutes,
        -- In order of time, since the last digits of a sum of doubles depend on the order.
        sum(abs(deviation_bp) order by minute_utc, source) / count(deviation_bp) as mean_deviation_bp,
        max(abs(deviation_bp)) as worst_deviation_bp
    from compared_minute
    group by pair_key, date_utc
),

differing as (
    select
        pair.pair_id as pair_key,
        archive_defect.from_utc::date as date_utc,
        sum(archive_defect.affected_count) as differing_minutes
    from raw.archive_defect
    inner join raw.archive_file using (file)
    inner join core.pair using (symbol)
    where
        archive_defect.kind = 'monthly_differs_from_daily'
        and archive_file.state = 'loaded'
        and archive_defect.from_utc >= $since
        and archive_defect.from_utc < $until
    group by pair.pair_id, archive_defect.from_utc::date
),

rolled_up as (
    select
        pair_key,
        date_utc,
        count(*) filter (where candle_interval = '1h') as compared_hours,
        count(*) filter (where candle_interval = '1h' and is_differing) as differing_hours,
        bool_or(is_differing) filter (where candle_interval = '1d') as day_differs
    from compared_roll_up
    group by pair_key, date_utc
),

none as (
    select repeat('0', 1440)::bit as minutes
),

marked as (
    select
        quality_pair.pair_key,
        quality_pair.date_utc,
        coalesce(sampled.minutes, none.minutes) | coalesce(candle.minutes, none.minutes) as observed,
        ~observed & (
            coalesce(own.not_trading_gap, none.minutes) | coalesce(market.not_trading_gap, none.minutes)
        ) as not_expected,
        ~observed & ~not_expected & (
            coalesce(own.explained_gap, none.minutes) | coalesce(market.explained_gap, none.minutes)
        ) as explained,
        ~observed & ~not_expected & ~explained & (
            coalesce(own.unexplained_gap, none.minutes) | coalesce(market.unexplained_gap, none.minutes)
        ) as unexplained,
        greatest(
            sampled.staleness_seconds, own.staleness_seconds, market.staleness_seconds
        ) as worst_staleness_seconds
    from quality_pair
    cross join none
    left join sampled using (pair_key, date_utc)
    left join candle using (pair_key, date_utc)
    left join ledger as own
        on quality_pair.pair_key = own.pair_key and quality_pair.date_utc = own.date_utc
    left join ledger as market
        on market.pair_key is null and quality_pair.date_utc = market.date_utc
)

select
    marked.pair_key,
    date_key(marked.date_utc) as date_key,
    marked.date_utc,
    1440 - bit_count(marked.not_expected) as expected_minutes,
    bit_count(marked.observed) as observed_minutes,
    observed_minutes / expected_minutes as completeness,
    bit_count(marked.explained) as explained_minutes,
    bit_count(marked.unexplained) as unexplained_minutes,
    day.coverage,
    marked.worst_staleness_seconds,
    coalesce(compared.compared_minutes, 0) as compared_minutes,
    coalesce(compared.outside_minutes, 0) as outside_minutes,
    coalesce(compared.traded_minutes, 0) as traded_minutes,
    compared.mean_deviation_bp,
    compared.worst_deviation_bp,
    coalesce(differing.differing_minutes, 0) as differing_minutes,
    coalesce(rolled_up.compared_hours, 0) as compared_hours,
    coalesce(rolled_up.differing_hours, 0) as differing_hours,
    rolled_up.day_differs
from marked
left join day using (pair_key, date_utc)
left join compared using (pair_key, date_utc)
left join differing using (pair_key, date_utc)
left join rolled_up using (pair_key, date_utc)
where bit_count(marked.not_expected) < 1440
order by marked.date_utc, marked.pair_key;

delete from meta.open_quality_day
where date_utc >= $since and date_utc < $until and (date_utc, pair_key) in (from due_quality);
