-- Responses of the newest day at which the host's clock was far from the exchange's: by what the collector has noted,
-- or by the exchange's own clock in the answer, which may be given to the second only, and lies between request and
-- answer.
select
    capture_id,
    endpoint,
    requested_at,
    received_at,
    exchange_at,
    clock_offset_seconds as host_ahead_seconds,
    epoch_us(received_at - exchange_at) / 1e6 as answer_ahead_seconds
from open.capture
where
    received_at > (select max(received_at) - interval 1 day from open.capture)
    and (
        abs(clock_offset_seconds) > $limit_seconds
        or answer_ahead_seconds > $limit_seconds + 1 + epoch_us(received_at - requested_at) / 1e6
        or answer_ahead_seconds < -$limit_seconds
    )
order by received_at desc
