-- Gaps that last, or lasted within the day before $newest_at, by cause and by whether they are the whole market's.
select
    cause,
    pair_key is null as is_whole_market,
    count(*) as gaps,
    count_if(to_utc is null) as lasting,
    min(from_utc) as from_utc,
    if(lasting > 0, null, max(to_utc)) as to_utc
from mart.gap
where coalesce(to_utc, timestamp 'infinity') > $newest_at::timestamp - interval 1 day
group by cause, is_whole_market
order by is_whole_market desc, cause asc
