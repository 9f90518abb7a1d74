-- Averages of the minutes in the temporary table `due_minute` from $since up to $until, from the views `minute_price`
-- and `minute_capture`.
-- Large tables are joined to small ones that say which of their rows matter: DuckDB then reads only the row groups in
-- which those can lie, and one more minute costs the same whatever the day and the history already hold.
--
-- When these minutes were observed, and how long a price stood that is in the next snapshot, too.
create or replace temp table snapshot as
with instant as (
    select distinct
        source,
        received_at as observed_at,
        date_trunc('minute', received_at) as minute_utc
    from minute_capture
    where
        endpoint = 'ticker/price'
        and received_at >= $since
        and received_at < $until
)

select
    source,
    minute_utc,
    observed_at,
    epoch_us(lead(observed_at, 1, minute_utc + interval 1 minute) over in_order - observed_at) as stood_us,
    count(*) over in_minute as snapshot_count
from instant
semi join due_minute using (source, minute_utc)
window
    in_minute as (partition by source, minute_utc),
    in_order as (partition by source, minute_utc order by observed_at);

-- Both means are exact up to their division, so that they depend neither on the order in which rows are read nor on
-- how DuckDB chooses to compute an avg().
create or replace temp table observed_minute as
select
    price_history.pair_id as pair_key,
    source,
    snapshot.minute_utc,
    sum(price_history.price) as price_sum,
    price_sum / count(*) as average_price,
    sum(price_history.price::decimal(28, 8) * snapshot.stood_us) / sum(snapshot.stood_us) as time_weighted_price,
    arg_min(price_history.price, observed_at) as open_price,
    max(price_history.price) as high_price,
    min(price_history.price) as low_price,
    arg_max(price_history.price, observed_at) as close_price,
    count(*)::integer as observation_count,
    max(observed_at) as last_observed_at,
    count(*) = any_value(snapshot.snapshot_count) as is_in_every_snapshot
from minute_price as price_history
inner join snapshot using (source, observed_at)
group by price_history.pair_id, source, snapshot.minute_utc;

-- Where a pair is missing from a snapshot, its price before stood on. Only these pairs' rows have to be sorted, which
-- would cost three times as much as all the rest if it were done for every pair.
create or replace temp table sparse_minute as
with sparse as (
    select
        pair_key as pair_id,
        source,
        minute_utc
    from observed_minute
    where not is_in_every_snapshot
),

observation as (
    select
        pair_id,
        source,
        minute_utc,
        price_history.price,
        epoch_us(lead(observed_at, 1, minute_utc + interval 1 minute) over in_order - observed_at) as stood_us
    from minute_price as price_history
    inner join snapshot using (source, observed_at)
    semi join sparse using (pair_id, source, minute_utc)
    window in_order as (partition by pair_id, source, minute_utc order by observed_at)
)

select
    pair_id as pair_key,
    source,
    minute_utc,
    sum(price::decimal(28, 8) * stood_us) / sum(stood_us) as time_weighted_price
from observation
group by pair_id, source, minute_utc;

update observed_minute
set time_weighted_price = sparse_minute.time_weighted_price
from sparse_minute
where
    observed_minute.pair_key = sparse_minute.pair_key
    and observed_minute.source = sparse_minute.source
    and observed_minute.minute_utc = sparse_minute.minute_utc;

-- What was known of these minutes before: an average of fewer observations, or a gap.
delete from open.fact_price_minute
using observed_minute
where
    fact_price_minute.pair_key = observed_minute.pair_key
    and fact_price_minute.source = observed_minute.source
    and fact_price_minute.minute_utc = observed_minute.minute_utc;

insert into open.fact_price_minute by name
with pair as (
    select
        pair.pair_id as pair_key,
        currency.code as quote_code
    from core.pair
    inner join core.currency on pair.quote_currency_id = currency.currency_id
),

leg as (
    select
        pair_key,
        source,
        minute_utc,
        average_price
    from observed_minute
    where
        pair_key in (
            select unnest([pair_key, via_pair_key])
            from meta.usdt_way
            where is_of_quote
        )
),

usdt as (
    -- By the most preferred way whose pairs were trading when the minute began, and are observed in it.
    select
        leg.source,
        leg.minute_utc,
        usdt_way.code as quote_code,
        arg_min(
            pow(leg.average_price, usdt_way.exponent) * coalesce(pow(via.average_price, usdt_way.via_exponent), 1),
            usdt_way.preference
        ) as rate,
        arg_min(usdt_way.pair_key, usdt_way.preference) as pair_key
    from leg
    inner join meta.usdt_way
        on
            leg.pair_key = usdt_way.pair_key
            and leg.minute_utc >= usdt_way.valid_from
            and leg.minute_utc < usdt_way.valid_to
    left join leg as via
        on
            usdt_way.via_pair_key = via.pair_key
            and leg.source = via.source
            and leg.minute_utc = via.minute_utc
    where usdt_way.is_of_quote and (usdt_way.via_pair_key is null or via.pair_key is not null)
    group by leg.source, leg.minute_utc, usdt_way.code
)

select
    observed_minute.pair_key,
    source,
    minute_utc,
    close_price,
    open_price - close_price as open_over_close,
    high_price - close_price as high_over_close,
    close_price - low_price as close_over_low,
    price_sum - close_price::decimal(28, 8) * observation_count as sum_over_close,
    time_weighted_price - average_price as time_weighted_over_average,
    observation_count,
    expectation.expected_count,
    last_observed_at,
    if(quote_code = 'USDT', 1, usdt.rate) as usdt_rate,
    usdt.pair_key as usdt_pair_key
from observed_minute
inner join pair using (pair_key)
inner join expectation using (source, minute_utc)
left join usdt using (source, minute_utc, quote_code)
order by minute_utc, observed_minute.pair_key;

-- Other pairs may have had a gap row in a minute for which snapshots have come since.
update open.fact_price_minute
set expected_count = expectation.expected_count
from expectation
semi join due_minute using (source, minute_utc)
where
    fact_price_minute.observation_count = 0
    and fact_price_minute.source = expectation.source
    and fact_price_minute.minute_utc = expectation.minute_utc
    and fact_price_minute.expected_count <> expectation.expected_count;
