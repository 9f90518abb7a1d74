-- The gap rows of silences that begin or end in one of the minutes in the temporary table `due_minute`, which lie from
-- $since up to $until, from the view `minute_row`. Only those from $changed_since up to $changed_until change: the old
-- ones go, and the new ones are gathered in the temporary table `silent_minute`.
--
-- Silences end where a pair is observed and was not in the minute before. Where no pair fell silent, which is the rule,
-- this is all that is read for the gaps. Only hours in which a pair was silent between two minutes have to be sorted.
create or replace temp table silence_end as
with observed as (
    select
        pair_key,
        source,
        minute_utc,
        date_trunc('hour', minute_utc) as hour_utc
    from minute_row
    where
        observation_count > 0
        and minute_utc >= $since - interval 1 minute
        and minute_utc < $until + to_minutes($gap_limit_minutes)
        and minute_utc >= (select min(minute_utc) from due_minute) - interval 1 minute
        and minute_utc <= (select max(minute_utc) from due_minute) + to_minutes($gap_limit_minutes)
),

pair_hour as (
    select
        pair_key,
        source,
        hour_utc,
        min(minute_utc) as first_minute_utc,
        max(minute_utc) as last_minute_utc,
        count(*) <= date_diff('minute', min(minute_utc), max(minute_utc)) as is_interrupted
    from observed
    group by pair_key, source, hour_utc
),

first_of_hour as (
    select
        pair_key,
        source,
        first_minute_utc as minute_utc,
        lag(last_minute_utc) over (partition by pair_key, source order by hour_utc) as previous_minute_utc
    from pair_hour
),

later_in_hour as (
    select
        pair_key,
        source,
        minute_utc,
        lag(minute_utc) over (partition by pair_key, source, hour_utc order by minute_utc) as previous_minute_utc
    from observed
    semi join (from pair_hour where is_interrupted) as interrupted using (pair_key, source, hour_utc)
)

select
    pair_key,
    source,
    minute_utc
from first_of_hour
where
    minute_utc >= (select min(minute_utc) from due_minute)
    and minute_utc - interval 1 minute is distinct from previous_minute_utc
union all
select
    pair_key,
    source,
    minute_utc
from later_in_hour
where minute_utc - interval 1 minute > previous_minute_utc;

-- Silences that begin or end in one of these minutes.
create or replace temp table silence as
with silent_pair as (
    select
        pair_key,
        source,
        min(minute_utc) as first_end,
        max(minute_utc) as last_end
    from silence_end
    group by pair_key, source
),

neighbour as (
    select
        pair_key,
        source,
        minute_utc,
        close_price,
        last_observed_at,
        expected_count,
        lead(minute_utc) over (partition by pair_key, source order by minute_utc) as next_minute_utc
    from minute_row
    inner join silent_pair using (pair_key, source)
    where
        observation_count > 0
        and minute_utc >= $since - to_minutes($gap_limit_minutes)
        and minute_utc < $until + to_minutes($gap_limit_minutes)
        and minute_utc between silent_pair.first_end - to_minutes($gap_limit_minutes) and silent_pair.last_end
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

delete from open.fact_price_minute
using silence
where
    fact_price_minute.observation_count = 0
    and fact_price_minute.pair_key = silence.pair_key
    and fact_price_minute.source = silence.source
    and fact_price_minute.minute_utc > silence.minute_utc
    and fact_price_minute.minute_utc < silence.next_minute_utc
    and fact_price_minute.minute_utc >= $changed_since
    and fact_price_minute.minute_utc < $changed_until;

create or replace temp table silent_minute as
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
    gap.minute_utc,
    gap.source,
    0 as observation_count,
    coalesce(expectation.expected_count, if(gap.source = 'import', 0, gap.expected_count)) as expected_count,
    if(
        gap.minute_utc - gap.last_observed_at <= to_seconds($carry_limit_seconds), gap.close_price, null
    ) as filled_price,
    gap.last_observed_at
from gap
left join expectation using (source, minute_utc)
where gap.minute_utc >= $changed_since and gap.minute_utc < $changed_until;

-- The hours that these minutes and gap rows are rolled up in.
insert or ignore into meta.open_hour by name
with hour as (
    select
        date_trunc('hour', minute_utc) as hour_utc,
        source
    from due_minute
    union
    select
        unnest(
            generate_series(
                date_trunc('hour', minute_utc + interval 1 minute), next_minute_utc - interval 1 minute, interval 1 hour
            )
        ) as hour_utc,
        source
    from silence
)

from hour
where hour_utc >= $changed_since and hour_utc < $changed_until;

delete from meta.open_minute
using due_minute
where
    open_minute.source = due_minute.source
    and open_minute.minute_utc = due_minute.minute_utc;
