-- What should agree, in the two days before the data time.
select *
from mart.fact_parity_hour
where
    source = $source
    and hour_utc >= $data_until::timestamp - interval 48 hour
    and hour_utc < $data_until::timestamp
