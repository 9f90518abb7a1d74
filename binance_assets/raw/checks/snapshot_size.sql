-- Whole-market responses of the newest day that are much smaller than the one before them. What was sampled is of the
-- whole market; an import may be of any symbols.
with snapshot as (
    select
        capture_id,
        source,
        received_at,
        row_count,
        lag(row_count) over (partition by source order by received_at) as row_count_before
    from open.capture
    where
        endpoint = 'ticker/price'
        and sampling_interval_seconds is not null
        and received_at > (select max(received_at) - interval 1 day from open.capture)
)

select *
from snapshot
where row_count < row_count_before * (1 - $shrink_limit)
order by received_at desc
