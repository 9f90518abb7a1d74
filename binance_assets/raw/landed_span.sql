-- From when to when prices in these landing files were observed, without their bodies.
select
    min(received_at) as first_at,
    max(received_at) as last_at
from read_parquet($files)
where endpoint = 'ticker/price'
