-- Responses of the newest day of which a large share was refused: then it is the response that is wrong, not a row.
with refused as (
    select
        capture_id,
        count(*) as refused_rows,
        any_value(reason) as reason
    from open.quarantine
    where position is not null
    group by capture_id
)

select
    capture.capture_id,
    capture.endpoint,
    capture.received_at,
    capture.row_count,
    refused.refused_rows,
    refused.reason
from open.capture
inner join refused using (capture_id)
where
    capture.received_at > (select max(received_at) - interval 1 day from open.capture)
    and refused.refused_rows > capture.row_count * $refused_limit
order by capture.received_at desc
