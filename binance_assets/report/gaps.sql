-- What is missing of a day, and why. Of a gap of several days, the part of this day counts;
-- one that lasts goes on after the newest price, up to the publication.
select
    cause,
    pair_key is null as is_whole_market,
    count(*) as gaps,
    count(distinct pair_key) as pairs,
    count(*) filter (where to_utc is null) as lasting,
    count(*) filter (where repaired_at is not null) as repaired,
    min(from_utc) as first_from_utc,
    max(
        date_diff(
            'second',
            greatest(from_utc, $day::date),
            least(coalesce(to_utc, $until::timestamp), $day::date + interval 1 day)
        )
    ) as longest_seconds,
    min_by(evidence, from_utc) as evidence
from gap
where
    from_utc < least($until::timestamp, $day::date + interval 1 day)
    and coalesce(to_utc, $until::timestamp) > $day::date
group by cause, is_whole_market
order by is_whole_market desc, gaps desc, cause asc
