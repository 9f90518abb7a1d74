-- Landing files of sealed days before $first_kept that hold nothing of an open day.
with sealed as (
    select file
    from raw.capture
    where date < $first_kept and not is_metadata(endpoint)
    union
    select file
    from raw.missed_sample
    where date < $first_kept
),

still_open as (
    select file from open.capture
    union
    select file from open.missed_sample
)

select file
from sealed
anti join still_open using (file)
order by file
