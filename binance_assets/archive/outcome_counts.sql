select
    count(*) as files,
    count(*) filter (where state = 'refused') as refused,
    (select count(*) from read_parquet($defects)) as defects
from read_parquet($files)
