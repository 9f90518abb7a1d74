-- The symbols that were listed just before the responses in judged_description.
select symbol
from raw.exchange_info
where retrieved_at < (select min(retrieved_at) from judged_description)
group by symbol
having max_by(payload is not null, retrieved_at)
