-- Spans of time in which newest prices lie: one for the newest snapshot, and few others for pairs that are no longer
-- quoted. Each is looked up by itself, so that the time between them is never read.
with instant as (
    select
        observed_at,
        coalesce(observed_at - lag(observed_at) over (order by observed_at) > interval 10 minute, true) as begins
    from (select distinct observed_at from meta.latest_price) as seen
),

numbered as (
    select
        observed_at,
        sum(begins::integer) over (order by observed_at) as span
    from instant
)

select
    min(observed_at) as since,
    max(observed_at) as until
from numbered
group by span
order by since
