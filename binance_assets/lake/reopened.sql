-- These days are open again.
delete from meta.sealed_partition
where date between $first_day and $last_day;

-- What is the newest of them is looked up again.
delete from mart.fact_price_latest
where observed_at >= $first_day and observed_at < $last_day::date + interval 1 day
