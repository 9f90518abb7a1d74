-- Where the pairs of gap_suspect are missing, spliced into what is known around that: up to $previous_at and from
-- $next_at on meta.pair_gap is right, in between something may have changed.
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
        and gap_price.observed_at between $first_observed_at and $last_observed_at
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
        and gap_price.observed_at between $first_observed_at and $last_observed_at
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
        between $first_observed_at and $last_observed_at
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
    coalesce(earlier.pairs_before, market.pairs, 0)::integer as pairs_before,
    if(earlier.pair_id is null, refusal.reason, earlier.refusal) as refusal
from gap_absence
inner join gap_suspect using (pair_id)
inner join core.pair using (pair_id)
left join gap_before as earlier
    on
        gap_absence.before_at is null
        and gap_absence.pair_id = earlier.pair_id
        and gap_absence.grid_point >= earlier.from_utc
        and coalesce(earlier.to_utc, timestamp 'infinity') > gap_absence.grid_point
left join gap_before as later
    on
        gap_absence.pair_id = later.pair_id
        and later.from_utc <= $next_at
        and coalesce(later.to_utc, timestamp 'infinity') > $next_at
left join market on gap_absence.before_at = market.grid_point
left join refusal on gap_absence.grid_point = refusal.grid_point and pair.symbol = refusal.symbol;

create or replace temp table gap_difference as
(
    from gap_before
    except
    from gap_after
)
union all
(
    from gap_after
    except
    from gap_before
);

insert into gap_changed
select from_utc
from gap_difference;

delete from meta.pair_gap
using gap_before
where pair_gap.pair_id = gap_before.pair_id and pair_gap.from_utc = gap_before.from_utc;

insert into meta.pair_gap by name
select *
from gap_after
order by from_utc, pair_id;
