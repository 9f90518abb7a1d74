-- Minutes that were sampled and have a candle, too, of the pairs and days in the temporary table `quality_pair`, from
-- $since up to $until.
--
-- A price that is sampled is that of the last trade before, which may have been in a minute before. So what a sampled
-- average can be reaches from the candle's low to its high, and to the close of the candle before. How old that may be
-- is $reach: after a longer standstill nobody asks for it.
create or replace temp table compared_pair as
select
    pair_key,
    date_utc
from quality_pair
inner join mart.fact_price_day using (pair_key, date_utc)
where fact_price_day.date_utc >= $since and fact_price_day.date_utc < $until
group by pair_key, date_utc
having bool_or(source in ('archive', 'rest')) and bool_or(source not in ('archive', 'rest'));

create or replace temp table compared_minute as
with sampled as (
    select
        fact_price_minute.pair_key,
        date as date_utc,
        minute_utc,
        source,
        observation_count,
        close_price::decimal(28, 8) * observation_count + sum_over_close as observed_sum
    from lake.fact_price_minute
    semi join compared_pair
        on fact_price_minute.pair_key = compared_pair.pair_key and fact_price_minute.date = compared_pair.date_utc
    where date >= $since and date < $until and observation_count > 0
),

candle as (
    select
        pair_id as pair_key,
        open_at as minute_utc,
        source as candle_source,
        low_price,
        high_price,
        volume,
        quote_volume,
        lag(open_at) over in_order as previous_at,
        lag(close_price) over in_order as previous_price
    from raw.kline
    where
        date >= $since::date - 1
        and date < $until
        and open_at >= $since::date - $reach
        and pair_id in (select pair_key from compared_pair)
    window in_order as (partition by pair_id order by open_at)
),

reaching as (
    select
        * exclude (previous_at, previous_price),
        if(previous_at >= minute_utc - $reach, previous_price, null) as previous_price
    from candle
)

select
    sampled.pair_key,
    sampled.date_utc,
    minute_utc,
    sampled.source,
    reaching.candle_source,
    sampled.observed_sum / sampled.observation_count as sampled_price,
    -- least() and greatest() leave out what is null.
    least(reaching.low_price, reaching.previous_price) as lowest_price,
    greatest(reaching.high_price, reaching.previous_price) as highest_price,
    if(reaching.quote_volume > 0, reaching.quote_volume / reaching.volume, null) as traded_price,
    sampled.observed_sum < lowest_price::decimal(28, 8) * sampled.observation_count
    or sampled.observed_sum > highest_price::decimal(28, 8) * sampled.observation_count as is_outside,
    (sampled_price / traded_price - 1) * 10000 as deviation_bp
from sampled
inner join reaching using (pair_key, minute_utc);
