-- Whether metadata was read since the ways to USDT were made.
select count(*) > 0
from meta.progress
where
    model = 'core.pair_history'
    and file is distinct from (select file from meta.progress where model = 'mart.usdt_way')
