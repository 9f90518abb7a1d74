-- The gaps of the sampling that begin at the instants in gap_changed, and all of pairs that were not quoted at first,
-- made again. gap_shown.sql puts them into the ledger.
create or replace temp table gap_made as
with missing as (
    select *
    from meta.pair_gap
    semi join gap_changed using (from_utc)
),

-- More than half of the pairs at once is the market's gap, not theirs.
at_once as (
    select
        from_utc,
        to_utc,
        count(*) as pairs,
        any_value(pairs_before) as pairs_before,
        min(refusal) as refusal
    from missing
    group by from_utc, to_utc
    having count(*) * 2 > any_value(pairs_before)
),

alone as (
    select *
    from missing
    where
        not exists (
            from at_once
            where at_once.from_utc = missing.from_utc and at_once.to_utc is not distinct from missing.to_utc
        )
    union all by name
    select
        pair_id,
        expected_from as from_utc,
        quoted_from as to_utc
    from meta.expected_pair
    where expected_from < coalesce(quoted_from, timestamp 'infinity')
),

span as (
    select
        pair_id,
        valid_from,
        valid_to,
        status,
        is_spot_trading_allowed,
        lag(valid_from) over by_time is null as is_first,
        lead(valid_from) over by_time as next_from
    from core.pair_history
    semi join alone using (pair_id)
    window by_time as (partition by pair_id order by valid_from)
),

-- What the metadata says over time. The first known rules are also taken for the time before them; where it does not
-- list a pair any more, there is no status.
rule as (
    select
        pair_id,
        valid_from as said_at,
        if(is_first, timestamp '-infinity', valid_from) as holds_from,
        valid_to,
        status,
        is_spot_trading_allowed
    from span
    union all by name
    select
        pair_id,
        valid_to as said_at,
        valid_to as holds_from,
        next_from as valid_to
    from span
    where valid_to < coalesce(next_from, timestamp 'infinity')
),

-- The first rule within the hour in which metadata comes that forbids trading.
halt as (
    select
        alone.pair_id,
        alone.from_utc,
        min_by(
            struct_pack(said_at := rule.said_at, status := rule.status), rule.said_at
        ) as rule,
        bool_or(rule.status is null) as is_delisted
    from alone
    inner join rule
        on
            alone.pair_id = rule.pair_id
            and rule.holds_from <= alone.from_utc + $metadata_interval
            and coalesce(rule.valid_to, timestamp 'infinity') > alone.from_utc
            and (coalesce(rule.status, '') <> 'TRADING' or not coalesce(rule.is_spot_trading_allowed, true))
    group by alone.pair_id, alone.from_utc
),

judged as (
    select
        alone.*,
        pair.symbol,
        halt.rule,
        coalesce(halt.is_delisted, false) as is_delisted,
        alone.from_utc < coalesce(expected_pair.quoted_from, timestamp 'infinity') as is_unquoted
    from alone
    inner join core.pair using (pair_id)
    left join halt using (pair_id, from_utc)
    left join meta.expected_pair using (pair_id)
)

select
    null::integer as pair_key,
    gap_of_market.*
from gap_of_market
union all by name
select
    from_utc,
    to_utc,
    'exchange_outage' as cause,
    concat(
        pairs, ' of ', pairs_before, ' pairs were missing',
        if(refusal is null, '', ', refused because ' || refusal)
    ) as evidence
from at_once
union all by name
select
    pair_id as pair_key,
    from_utc,
    to_utc,
    case
        when refusal is not null then 'exchange_outage'
        when rule is not null then 'not_trading'
        else 'unresolved'
    end as cause,
    case
        when refusal is not null then concat(symbol, ' was refused: ', refusal)
        when rule is not null and rule.status is null
            then concat('the metadata of ', rule.said_at, ' no longer lists ', symbol)
        when rule is not null and rule.status <> 'TRADING'
            then concat('the metadata of ', rule.said_at, ' calls ', symbol, ' ', rule.status)
        when rule is not null
            then concat('the metadata of ', rule.said_at, ' does not allow spot trading of ', symbol)
        when is_unquoted
            then concat('the metadata calls ', symbol, ' TRADING, and no answer since then has quoted it')
        else concat(symbol, ' was missing from answers with the other pairs, and the metadata calls it TRADING')
    end as evidence
from judged
-- A pair that was gone before it could be quoted was never to be expected.
where to_utc is not null or not is_unquoted or not is_delisted;

create or replace temp table gap_outdated as
select *
from meta.sampling_gap
semi join gap_changed using (from_utc)
except
select
    pair_key,
    from_utc,
    to_utc,
    cause,
    evidence
from gap_made;

create or replace temp table gap_found as
select
    pair_key,
    from_utc,
    to_utc,
    cause,
    evidence
from gap_made
except
from meta.sampling_gap;

delete from meta.sampling_gap
using gap_outdated
where
    sampling_gap.from_utc = gap_outdated.from_utc
    and sampling_gap.pair_key is not distinct from gap_outdated.pair_key;

insert into meta.sampling_gap by name
select *
from gap_found
order by from_utc, pair_key;
