-- The minutes of the month $month that candles are missing of because the file that should have them is refused as a
-- whole, and none that is loaded covers them: as absent_minutes.sql tells those that are missing in loaded files.
with file as (
    select distinct
        pair.pair_id,
        archive_file.state,
        archive_file.first_day::timestamp as since,
        archive_file.first_day + if(archive_file.scope = 'monthly', interval 1 month, interval 1 day) as until
    from raw.archive_file
    inner join core.pair using (symbol)
    where archive_file.month = $month and archive_file.state in ('loaded', 'refused')
),

refused as (
    select
        pair_id,
        since,
        until
    from file
    where state = 'refused'
    -- A day's file within the month's is told with it.
    qualify
        coalesce(
            max(until) over (
                partition by pair_id
                order by since asc, until desc rows between unbounded preceding and 1 preceding
            ) < until,
            true
        )
),

-- What is known of the time of a refused file, and its end.
known as (
    select
        refused.pair_id,
        refused.since,
        file.since as from_utc,
        file.until as to_utc
    from refused
    inner join file using (pair_id)
    where file.state = 'loaded' and file.since < refused.until and file.until > refused.since
    union all
    select
        refused.pair_id,
        refused.since,
        kline.open_at as from_utc,
        kline.open_at + interval 1 minute as to_utc
    from refused
    inner join raw.kline using (pair_id)
    where kline.month = $month and kline.open_at >= refused.since and kline.open_at < refused.until
    union all
    select
        pair_id,
        since,
        until as from_utc,
        until as to_utc
    from refused
),

reached as (
    select
        pair_id,
        from_utc as to_utc,
        greatest(
            since,
            max(to_utc) over (
                partition by pair_id, since
                order by from_utc, to_utc rows between unbounded preceding and 1 preceding
            )
        ) as from_utc
    from known
)

select
    pair_id,
    from_utc,
    to_utc,
    date_diff('minute', from_utc, to_utc) as minutes,
    0 as covering_pairs
from reached
where from_utc < to_utc
order by pair_id, from_utc
