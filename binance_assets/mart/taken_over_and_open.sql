-- A day that was taken over, and has been opened since because the next one is made anew, is averaged with that one.
insert or ignore into meta.open_minute by name
select distinct
    date_trunc('minute', capture.received_at) as minute_utc,
    capture.source
from open.capture
inner join meta.taken_over_day on taken_over_day.date = capture.received_at::date
where
    capture.endpoint = 'ticker/price'
    and not exists (
        from meta.sealed_partition
        where sealed_partition."table" = 'price_history' and sealed_partition.date = taken_over_day.date
    );

delete from meta.taken_over_day
where date not in (select date from meta.sealed_partition where "table" = 'price_history')
