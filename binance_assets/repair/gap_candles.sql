-- Of a gap from $since up to $until, of the pair $pair_key or, where that is null, of the market: the pairs that are
-- looked at, their candles, and the minutes that they have none of.
create or replace temp table repair_pair as
select repair_target.pair_id
from repair_target
inner join meta.trading_span on repair_target.pair_id = trading_span.pair_key
where $pair_key is null and trading_span.valid_from <= $since and trading_span.valid_to >= $until
union
select $pair_key::integer as pair_id
where $pair_key is not null;

create or replace temp table repair_candle as
select
    pair_id,
    open_at,
    volume > 0 as is_traded,
    source,
    file_key
from raw.kline
semi join repair_pair using (pair_id)
where month between $first_month and $last_month and open_at >= $since and open_at < $until;

create or replace temp table repair_absence as
with found as (
    select
        pair_id,
        count(*) as minutes
    from repair_candle
    group by pair_id
),

incomplete as (
    select repair_pair.pair_id
    from repair_pair
    left join found using (pair_id)
    where coalesce(found.minutes, 0) < date_diff('minute', $since, $until)
),

minute as (
    select
        pair_id,
        unnest(generate_series($since, $until - interval 1 minute, interval 1 minute)) as open_at
    from incomplete
),

absent as (
    select
        pair_id,
        open_at
    from minute
    anti join repair_candle using (pair_id, open_at)
)

select
    absent.pair_id,
    absent.open_at,
    coalesce(absent.open_at < answered.to_utc, false) as was_asked
from absent
asof left join answered on absent.pair_id = answered.pair_id and absent.open_at >= answered.from_utc;
