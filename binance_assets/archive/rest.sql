-- The candles from the API of a month.
select *
from raw.rest_kline
where strftime(open_at, '%Y-%m') = $month
