-- How many observations there should be in the minutes from $since up to $until.
create or replace temp table expectation as
select
    source,
    date_trunc('minute', received_at) as minute_utc,
    if(
        bool_and(sampling_interval_seconds is null), count(distinct received_at), 60 // min(sampling_interval_seconds)
    )::integer as expected_count
from minute_capture
where
    endpoint = 'ticker/price'
    and received_at >= $since
    and received_at < $until
group by all;
