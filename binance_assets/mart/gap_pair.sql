-- Pairs that may be missing from answers from $since to $until, or from the neighbours $previous_at and $next_at.
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
    and gap_price.observed_at between $first_observed_at and $last_observed_at
group by gap_price.pair_id;

-- Only pairs that are not in every answer are looked at answer by answer.
create or replace temp table gap_suspect as
with known as (
    select
        expected_pair.pair_id,
        expected_pair.quoted_from as was_quoted_from,
        least(expected_pair.quoted_from, gap_quote.first_at) as quoted_from,
        coalesce(gap_quote.quotes, 0) as quotes
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
        known.quotes < (select count(*) from gap_sample)
        or known.pair_id in (
            select pair_id
            from meta.pair_gap
            where from_utc <= $next_at and coalesce(to_utc, timestamp 'infinity') > $previous_at
        )
    )
    -- The gap of a pair that is missing all along stays as it is.
    and not (
        known.quotes = 0
        and known.pair_id in (
            select pair_id
            from meta.pair_gap
            where from_utc <= $previous_at and coalesce(to_utc, timestamp 'infinity') > $next_at
        )
    );

insert or replace into meta.expected_pair by name
select expected_pair.* replace (gap_quote.first_at as quoted_from)
from meta.expected_pair
inner join gap_quote using (pair_id)
where expected_pair.quoted_from is null or expected_pair.quoted_from > gap_quote.first_at;
