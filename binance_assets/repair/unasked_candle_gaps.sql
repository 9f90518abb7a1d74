-- What the API is to be asked of minutes that the archive lacks of a pair. It does not know pairs that are not listed
-- any more.
with page as (
    select
        pair.symbol,
        candle_gap.pair_key as pair_id,
        candle_gap.to_utc,
        unnest(
            generate_series(candle_gap.from_utc, candle_gap.to_utc - interval 1 minute, interval 1000 minute)
        ) as first_at
    from meta.candle_gap
    inner join core.pair on candle_gap.pair_key = pair.pair_id
    where pair.pair_id in (select pair_id from core.pair_history where valid_to is null)
)

select
    page.symbol,
    page.first_at,
    least(page.first_at + interval 999 minute, page.to_utc - interval 1 minute) as last_at
from page
asof left join answered on page.pair_id = answered.pair_id and page.first_at >= answered.from_utc
where answered.to_utc is null or answered.to_utc <= last_at
order by page.symbol, first_at
