-- What is missing of a day, and why. Of a gap of several days, the part of this day counts. One that lasts is known up
-- to $until, the last sample, which may have failed: of later than that nobody knows.
with known as (
    select
        * replace (coalesce(to_utc, greatest(from_utc, $until::timestamp)) as to_utc),
        to_utc is null as is_lasting
    from gap
),

of_day as (
    select
        *,
        date_diff(
            'second',
            greatest(from_utc, $day::date),
            least(to_utc, $day::date + interval 1 day)
        ) as seconds
    from known
    where from_utc < $day::date + interval 1 day and greatest(to_utc, from_utc + interval 1 second) > $day::date
)

select
    cause,
    pair_key is null as is_whole_market,
    count(*) as gaps,
    count(distinct pair_key) as pairs,
    count(*) filter (where is_lasting) as lasting,
    count(*) filter (where repaired_at is not null) as repaired,
    min(from_utc) as first_from_utc,
    max(seconds) as longest_seconds,
    max_by(is_lasting, (seconds, is_lasting)) as is_longest_lasting,
    min_by(evidence, from_utc) as evidence
from of_day
group by cause, is_whole_market
order by is_whole_market desc, gaps desc, cause asc
