-- The candles from the API of a month.
select * exclude (capture_id)
from raw.rest_kline
where strftime(open_at, '%Y-%m') = $month
