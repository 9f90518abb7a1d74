-- Pairs that are missing from answers between $previous_at and $next_at, spliced into what is known around that: at
-- $previous_at and $next_at meta.pair_gap is right, in between something has changed.
create or replace temp table gap_sample as
select
    gap_answer.capture_id,
    gap_answer.received_at as observed_at,
    gap_answer.grid_point
from gap_answer
where
    gap_answer.date between $previous_at::date and $next_at::date
    and (gap_answer.grid_point between $since and $until or gap_answer.grid_point in ($previous_at, $next_at));

create or replace temp table gap_quote as
select
    gap_price.pair_id,
    count(*) as quotes,
    min(gap_sample.grid_point) as first_at
from gap_price
inner join gap_sample using (observed_at)
where
    gap_price.date between $previous_at::date and $next_at::date
    and gap_price.observed_at between (select min(observed_at) from gap_sample) and (select max(observed_at) from gap_sample)
group by gap_price.pair_id;

-- Only pairs that are not in every answer are looked at answer by answer.
create or replace temp table gap_suspect as
with known as (
    select
        expected_pair.pair_id,
        expected_pair.quoted_from as was_quoted_from,
        least(expected_pair.quoted_from, gap_quote.first_at) as quoted_from,
        coalesce(gap_quote.quotes, 0) < (select count(*) from gap_sample) as is_sparse
    from meta.expected_pair
    left join gap_quote using (pair_id)
)

select
    known.pair_id,
    known.was_quoted_from,
    known.quoted_from
from known
where
    known.quoted_from is not null
    and (
        known.is_sparse
        or known.pair_id in (
            select pair_id
            from meta.pair_gap
            where from_utc <= $next_at and coalesce(to_utc, timestamp 'infinity') > $previous_at
        )
    );

create or replace temp table gap_before as
select pair_gap.*
from meta.pair_gap
semi join gap_suspect using (pair_id)
where pair_gap.from_utc <= $next_at and coalesce(pair_gap.to_utc, timestamp 'infinity') > $previous_at;

create or replace temp table gap_absence as
with quote as (
    select distinct
        gap_price.pair_id,
        gap_sample.grid_point
    from gap_price
    inner join gap_sample using (observed_at)
    semi join gap_suspect using (pair_id)
    where
        gap_price.date between $previous_at::date and $next_at::date
        and gap_price.observed_at
        between (select min(observed_at) from gap_sample) and (select max(observed_at) from gap_sample)
),

chance as (
    select
        gap_suspect.pair_id,
        answer.grid_point,
        quote.pair_id is not null as is_quoted
    from gap_suspect
    inner join (select distinct grid_point from gap_sample) as answer
        on gap_suspect.quoted_from <= answer.grid_point
    left join quote on gap_suspect.pair_id = quote.pair_id and answer.grid_point = quote.grid_point
),

change as (
    select
        *,
        lag(is_quoted) over by_time as was_quoted,
        lag(grid_point) over by_time as before_at
    from chance
    window by_time as (partition by pair_id order by grid_point)
    qualify is_quoted is distinct from lag(is_quoted) over by_time
)

select
    *,
    lead(grid_point) over (partition by pair_id order by grid_point) as back_at
from change
qualify not is_quoted;

create or replace temp table gap_after as
with market as (
    select
        gap_sample.grid_point,
        count(distinct gap_price.pair_id) as pairs
    from gap_price
    inner join gap_sample using (observed_at)
    where
        gap_sample.grid_point in (select before_at from gap_absence)
        and gap_price.date between $previous_at::date and $next_at::date
        and gap_price.observed_at
        between (select min(observed_at) from gap_sample) and (select max(observed_at) from gap_sample)
    group by gap_sample.grid_point
),

refusal as (
    select
        gap_sample.grid_point,
        gap_refusal.symbol,
        min(gap_refusal.reason) as reason
    from gap_refusal
    inner join gap_sample using (capture_id)
    where
        gap_refusal.date between $previous_at::date and $next_at::date
        and gap_refusal.retrieved_at
        between (select min(observed_at) from gap_sample) and (select max(observed_at) from gap_sample)
    group by gap_sample.grid_point, gap_refusal.symbol
)

select
    gap_absence.pair_id,
    coalesce(earlier.from_utc, gap_absence.grid_point) as from_utc,
    case
        when gap_absence.back_at is not null then gap_absence.back_at
        when later.pair_id is not null then later.to_utc
        when gap_suspect.was_quoted_from > $next_at then gap_suspect.was_quoted_from
    end as to_utc,
    if(earlier.pair_id is null, market.pairs, earlier.pairs_before)::integer as pairs_before,
    if(earlier.pair_id is null, refusal.reason, earlier.refusal) as refusal
from gap_absence
inner join gap_suspect using (pair_id)
inner join core.pair using (pair_id)
left join gap_before as earlier
    on
        gap_absence.before_at is null
        and gap_absence.pair_id = earlier.pair_id
        and earlier.from_utc <= gap_absence.grid_point
        and coalesce(earlier.to_utc, timestamp 'infinity') > gap_absence.grid_point
left join gap_before as later
    on
        gap_absence.pair_id = later.pair_id
        and later.from_utc <= $next_at
        and coalesce(later.to_utc, timestamp 'infinity') > $next_at
left join market on gap_absence.before_at = market.grid_point
left join refusal on gap_absence.grid_point = refusal.grid_point and pair.symbol = refusal.symbol;

insert into gap_changed
select from_utc
from (
    (from gap_before except from gap_after)
    union all
    (from gap_after except from gap_before)
);

delete from meta.pair_gap
using gap_before
where pair_gap.pair_id = gap_before.pair_id and pair_gap.from_utc = gap_before.from_utc;

insert into meta.pair_gap by name
from gap_after
order by from_utc, pair_id;

insert or replace into meta.expected_pair by name
select
    expected_pair.* replace (gap_quote.first_at as quoted_from)
from meta.expected_pair
inner join gap_quote using (pair_id)
where expected_pair.quoted_from is null or expected_pair.quoted_from > gap_quote.first_at;
