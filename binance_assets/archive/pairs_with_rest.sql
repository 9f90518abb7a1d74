select distinct pair_id
from raw.rest_kline
where strftime(open_at, '%Y-%m') = $month
