-- The minutes of a few pairs that the page has without a server: of the watch list first, the newest two days.
with chosen as (
    select
        pair_key,
        symbol
    from fact_price_minute
    inner join pair using (pair_key)
    where minute_utc > $newest_minute::timestamp - interval 48 hour
    group by pair_key, symbol
    order by list_position($watch_list::varchar[], symbol), symbol
    limit 12
),

grid as (
    select unnest(generate_series(
        (
            select min(minute_utc) from fact_price_minute
            where minute_utc > $newest_minute::timestamp - interval 48 hour
        ),
        $newest_minute::timestamp,
        interval 1 minute
    )) as minute_utc
)

select
    symbol,
    min(minute_utc) as from_utc,
    list(low_price order by minute_utc) as low,
    list(average_price order by minute_utc) as average,
    list(high_price order by minute_utc) as high
from chosen
cross join grid
left join fact_price_minute using (pair_key, minute_utc)
group by symbol
order by list_position($watch_list::varchar[], symbol), symbol
