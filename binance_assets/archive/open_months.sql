-- Months that have to be put together anew although no file has come.
select month
from meta.open_kline_month
union
select kline_month.month
from meta.kline_month
left join month_usdt_ways using (month)
where kline_month.usdt_ways <> coalesce(month_usdt_ways.hash, '')
