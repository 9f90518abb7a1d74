-- Gaps of the whole market that last.
select
    source,
    from_utc,
    cause,
    evidence
from mart.gap
where pair_key is null and to_utc is null
order by from_utc desc
