insert into open.fact_price_minute by name
select *
from silent_minute
order by minute_utc, pair_key
