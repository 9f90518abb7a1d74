-- Responses of the newest day whose own clock is far from the host's. The exchange's clock may be given to the second
-- only, and lies between the request and the answer.
select
    capture_id,
    endpoint,
    requested_at,
    received_at,
    exchange_at,
    epoch_us(received_at - exchange_at) / 1e6 as seconds_behind_the_host
from open.capture
where
    received_at > (select max(received_at) - interval 1 day from open.capture)
    and (
        epoch_us(received_at - exchange_at) / 1e6 > $limit_seconds + 1 + epoch_us(received_at - requested_at) / 1e6
        or epoch_us(exchange_at - received_at) / 1e6 > $limit_seconds
    )
order by received_at desc
