-- Spans in which a source was not sampled at all, and that are too long to be shown minute by minute.
with followed as (
    select
        source,
        received_at as from_utc,
        lead(received_at) over (partition by source order by received_at) as to_utc
    from raw.capture
    where endpoint = 'ticker/price'
)

select
    source,
    from_utc,
    to_utc
from followed
where to_utc - from_utc > to_minutes($gap_limit_minutes)
order by from_utc desc
