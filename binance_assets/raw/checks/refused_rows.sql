-- Refused rows of what was landed in the last hour before the newest landing file.
select
    quarantine.capture_id,
    quarantine.position,
    quarantine."row",
    quarantine.reason
from open.quarantine
inner join open.capture using (capture_id)
where
    capture.file > (
        select strftime(landed_at - interval 1 hour, '%Y-%m-%d/%H%M%S')
        from meta.progress
        where model = 'raw'
    )
order by quarantine.capture_id, quarantine.position
