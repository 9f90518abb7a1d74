-- From when to when prices in these landing files were observed, or should have been, without their bodies. Files of
-- single responses do not know of grid points that were missed.
select
    min(coalesce(received_at, due_at)) as first_at,
    max(coalesce(received_at, due_at)) as last_at
from read_parquet($files)
where endpoint = 'ticker/price'
