-- Days of which refused rows are sealed, and of which this response has brought more. Metadata by itself opens no day.
select distinct retrieved_at::date as date
from open.quarantine
where
    capture_id in (select capture_id from response)
    and retrieved_at::date in (
        select date
        from meta.sealed_partition
        where "table" = 'quarantine'
    )
