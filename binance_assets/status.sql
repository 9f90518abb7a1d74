-- One row of figures about the store; minutes and gaps are those that were sampled in the day before $newest_at.
with minute as (
    select
        source,
        minute_utc,
        count(*) filter (where is_gap) as gap_rows,
        bool_and(is_gap) as is_silent
    from lake.sampled_minute
    where
        date >= ($newest_at::timestamp - interval 1 day)::date
        and minute_utc > $newest_at::timestamp - interval 1 day
    group by source, minute_utc
)

select
    (select count(*) from mart.dim_pair) as pairs,
    (select count(*) from mart.dim_pair where is_trading) as trading_pairs,
    (select count(distinct symbol) from open.price_without_metadata) as symbols_without_metadata,
    (select count(*) from mart.fact_price_latest where is_stale) as stale_pairs,
    $newest_at::timestamp as newest_observation_at,
    (select max(received_at) from open.capture where endpoint = 'exchangeInfo') as newest_metadata_at,
    count(*) filter (where not is_silent) as minutes,
    count(*) filter (where gap_rows > 0) as gap_minutes,
    count(*) filter (where is_silent) as market_wide_gap_minutes,
    coalesce(sum(gap_rows), 0)::bigint as gap_rows
from minute
