-- The next responses of klines in raw.capture that were not looked at yet: whole files, with about $most_rows candles.
-- What was asked is in the endpoint; a candle of it that was still running when the answer came was not answered.
create or replace temp table kline_response as
with answer as (
    select
        capture.capture_id,
        pair.pair_id,
        capture.file,
        capture.received_at,
        coalesce(nullif(split_part(capture.endpoint, '/', 5), ''), '1m') as candle_interval,
        case candle_interval
            when '1m' then interval 1 minute
            when '1h' then interval 1 hour
            when '1d' then interval 1 day
        end as length,
        case candle_interval
            when '1m' then 'a minute'
            when '1h' then 'an hour'
            when '1d' then 'a day'
        end as what,
        strptime(split_part(capture.endpoint, '/', 3), '%Y%m%dT%H%M') as since,
        strptime(split_part(capture.endpoint, '/', 4), '%Y%m%dT%H%M') + length as asked_until,
        time_bucket(length, coalesce(capture.exchange_at, capture.received_at)) as running_at,
        least(asked_until, running_at) as until,
        sum(capture.row_count) over (order by capture.file range unbounded preceding)
        - sum(capture.row_count) over (partition by capture.file) as rows_before
    from open.capture
    inner join core.pair on split_part(capture.endpoint, '/', 2) = pair.symbol
    where
        starts_with(capture.endpoint, 'klines/')
        and capture.file > coalesce((select file from meta.progress where model = 'raw.rest_kline'), '')
)

select * exclude (rows_before)
from answer
where rows_before < $most_rows
order by file, capture_id
