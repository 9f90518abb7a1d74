-- Landing files of the loaded exchangeInfo responses that are not earlier than the new one, in order of time. Their
-- descriptions are compared anew, since an older description decides which of them differ from the one before.
select
    file,
    received_at
from open.capture
where
    endpoint = 'exchangeInfo'
    and received_at >= (select min(received_at) from response where endpoint = 'exchangeInfo')
order by received_at, capture_id
