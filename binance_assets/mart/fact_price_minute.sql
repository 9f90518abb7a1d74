-- Averages of the minutes from $since up to $until that are over and not right yet, and the gap rows around them.
create or replace temp table due_minute as
select
    source,
    minute_utc
from meta.open_minute
where
    minute_utc >= $since
    and minute_utc < $until
    and minute_utc + interval 1 minute <= (select landed_at from meta.progress where model = 'raw');

create or replace temp table expectation as
select
    source,
    date_trunc('minute', received_at) as minute_utc,
    if(
        bool_and(sampling_interval_seconds is null), count(*), 60 // min(sampling_interval_seconds)
    )::integer as expected_count
from raw.capture
where
    endpoint = 'ticker/price'
    and received_at >= $since - to_minutes($gap_limit_minutes)
    and received_at < $until + to_minutes($gap_limit_minutes)
group by all;

create or replace temp table observed_minute as
with observation as (
    select
        pair_id,
        source,
        date_trunc('minute', observed_at) as minute_utc,
        observed_at,
        price,
        lead(observed_at, 1, date_trunc('minute', observed_at) + interval 1 minute) over (
            partition by pair_id, source, date_trunc('minute', observed_at) order by observed_at
        ) as stood_until
    from core.price_history
    where
        observed_at >= $since
        and observed_at < $until
        and (source, date_trunc('minute', observed_at)) in (select (source, minute_utc) from due_minute)
)

select
    pair_id as pair_key,
    source,
    minute_utc,
    avg(price) as average_price,
    -- Exact until the division, so that it does not depend on the order of addition.
    sum(price * epoch_us(stood_until - observed_at)::decimal(9, 0))::double
    / sum(epoch_us(stood_until - observed_at)) as time_weighted_price,
    arg_min(price, observed_at) as open_price,
    max(price) as high_price,
    min(price) as low_price,
    arg_max(price, observed_at) as close_price,
    count(*)::integer as observation_count,
    max(observed_at) as last_observed_at
from observation
group by pair_id, source, minute_utc;

delete from mart.fact_price_minute
where
    minute_utc >= $since
    and minute_utc < $until
    and (source, minute_utc) in (select (source, minute_utc) from due_minute)
    and (
        not is_gap
        or (pair_key, source, minute_utc) in (select (pair_key, source, minute_utc) from observed_minute)
    );

insert into mart.fact_price_minute by name
with quoted as (
    select
        observed_minute.source,
        observed_minute.minute_utc,
        observed_minute.average_price,
        base.code as base_code,
        quote.code as quote_code
    from observed_minute
    inner join core.pair on observed_minute.pair_key = pair.pair_id
    inner join core.currency as base on pair.base_currency_id = base.currency_id
    inner join core.currency as quote on pair.quote_currency_id = quote.currency_id
    where
        'USDT' in (base.code, quote.code)
        or 'BTC' in (base.code, quote.code)
),

leg as (
    -- What one unit of a currency was worth in USDT or in BTC, directly or inverted.
    select
        source,
        minute_utc,
        base_code as code,
        quote_code as target,
        average_price as rate,
        1 as preference
    from quoted
    where quote_code in ('USDT', 'BTC')
    union all
    select
        source,
        minute_utc,
        quote_code as code,
        base_code as target,
        1 / average_price as rate,
        2 as preference
    from quoted
    where base_code in ('USDT', 'BTC')
),

best_leg as (
    select
        source,
        minute_utc,
        code,
        target,
        arg_min(rate, preference) as rate
    from leg
    group by source, minute_utc, code, target
),

rate as (
    select
        source,
        minute_utc,
        best_leg.code,
        coalesce(
            max(best_leg.rate) filter (where best_leg.target = 'USDT'),
            max(best_leg.rate * bitcoin.rate) filter (where best_leg.target = 'BTC')
        ) as usdt
    from best_leg
    left join (
        select
            source,
            minute_utc,
            rate
        from best_leg
        where code = 'BTC' and target = 'USDT'
    ) as bitcoin using (source, minute_utc)
    group by source, minute_utc, best_leg.code
)

select
    observed_minute.*,
    date_key(observed_minute.minute_utc) as date_key,
    time_key(observed_minute.minute_utc) as time_key,
    expectation.expected_count,
    least(1, observed_minute.observation_count / expectation.expected_count) as coverage,
    false as is_gap,
    'none' as fill_method,
    0 as staleness_seconds,
    observed_minute.average_price * if(quote.code = 'USDT', 1, rate.usdt) as price_usdt
from observed_minute
inner join core.pair on observed_minute.pair_key = pair.pair_id
inner join core.currency as quote on pair.quote_currency_id = quote.currency_id
inner join expectation using (source, minute_utc)
left join rate
    on
        observed_minute.source = rate.source
        and observed_minute.minute_utc = rate.minute_utc
        and quote.code = rate.code
order by observed_minute.minute_utc, observed_minute.pair_key;

-- Other pairs may have had a gap row in a minute for which snapshots have come since.
update mart.fact_price_minute
set expected_count = expectation.expected_count
from expectation
where
    fact_price_minute.is_gap
    and fact_price_minute.minute_utc >= $since
    and fact_price_minute.minute_utc < $until
    and fact_price_minute.source = expectation.source
    and fact_price_minute.minute_utc = expectation.minute_utc
    and fact_price_minute.expected_count <> expectation.expected_count;

-- Silences of a pair that begin or end in one of these minutes.
create or replace temp table silence as
with neighbour as (
    select
        pair_key,
        source,
        minute_utc,
        close_price,
        last_observed_at,
        expected_count,
        lead(minute_utc) over (partition by pair_key, source order by minute_utc) as next_minute_utc
    from mart.fact_price_minute
    where
        not is_gap
        and minute_utc >= $since - to_minutes($gap_limit_minutes)
        and minute_utc < $until + to_minutes($gap_limit_minutes)
)

select *
from neighbour
where
    next_minute_utc > minute_utc + interval 1 minute
    and next_minute_utc <= minute_utc + to_minutes($gap_limit_minutes)
    and (
        (source, minute_utc) in (select (source, minute_utc) from due_minute)
        or (source, next_minute_utc) in (select (source, minute_utc) from due_minute)
    );

delete from mart.fact_price_minute
using silence
where
    fact_price_minute.is_gap
    and fact_price_minute.pair_key = silence.pair_key
    and fact_price_minute.source = silence.source
    and fact_price_minute.minute_utc > silence.minute_utc
    and fact_price_minute.minute_utc < silence.next_minute_utc
    and fact_price_minute.minute_utc >= $since - to_minutes($gap_limit_minutes)
    and fact_price_minute.minute_utc < $until + to_minutes($gap_limit_minutes);

insert into mart.fact_price_minute by name
with gap as (
    select
        pair_key,
        source,
        close_price,
        last_observed_at,
        expected_count,
        unnest(
            generate_series(
                minute_utc + interval 1 minute, next_minute_utc - interval 1 minute, interval 1 minute
            )
        ) as minute_utc
    from silence
)

select
    gap.pair_key,
    date_key(gap.minute_utc) as date_key,
    time_key(gap.minute_utc) as time_key,
    gap.minute_utc,
    gap.source,
    0 as observation_count,
    coalesce(expectation.expected_count, if(gap.source = 'import', 0, gap.expected_count)) as expected_count,
    0 as coverage,
    true as is_gap,
    epoch_us(gap.minute_utc - gap.last_observed_at) / 1e6 as staleness_seconds,
    if(staleness_seconds <= $carry_limit_seconds, gap.close_price, null) as filled_price,
    if(staleness_seconds <= $carry_limit_seconds, 'carried_forward', 'none') as fill_method,
    gap.last_observed_at
from gap
left join expectation using (source, minute_utc)
order by gap.minute_utc, gap.pair_key;

delete from meta.open_minute
where (source, minute_utc) in (select (source, minute_utc) from due_minute);
