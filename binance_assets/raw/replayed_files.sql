-- Landing files of the loaded exchangeInfo responses that are later than the earliest new one.
select distinct file
from raw.capture
where
    endpoint = 'exchangeInfo'
    and received_at >= (select min(received_at) from response where endpoint = 'exchangeInfo')
order by file
