-- Currencies that follow another one: how far off they are in their newest hour, and were in the two days before.
with recent as (
    select * from newest_parities
    where kind <> 'cross'
),

newest as (
    select * from recent
    qualify row_number() over (partition by pair_key, kind order by hour_utc desc) = 1
),

spans as (
    select
        pair_key,
        kind,
        min(deviation_bp) as lowest_bp,
        max(deviation_bp) as highest_bp
    from recent
    group by pair_key, kind
)

select
    kind,
    code,
    follows_code as follows,
    symbol,
    quote,
    status,
    sector,
    hour_utc,
    newest.price,
    expected_price,
    deviation_bp,
    threshold_bp,
    is_beyond,
    lowest_bp,
    highest_bp
from newest
inner join spans using (pair_key, kind)
inner join pair using (pair_key)
order by abs(deviation_bp) / threshold_bp desc nulls last, code
