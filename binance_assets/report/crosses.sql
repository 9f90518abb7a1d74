-- The pairs that were compared with what their base and quote are worth in USDT, in the last hour of a day.
with crossed as (
    select
        dim_pair.symbol,
        parity.*
    from fact_parity_hour as parity
    inner join dim_pair using (pair_key)
    where
        parity.kind = 'cross'
        and parity.hour_utc >= $day::date
        and parity.hour_utc < $day::date + interval 1 day
    qualify parity.hour_utc = max(parity.hour_utc) over ()
)

select
    max(hour_utc) as hour_utc,
    count(distinct pair_key) as pairs,
    count(distinct pair_key) filter (where is_beyond) as pairs_beyond,
    median(abs(deviation_bp)) as median_bp,
    -- By its own limit: a price of few of its steps cannot agree well.
    max_by(symbol, abs(deviation_bp) / threshold_bp) as worst_symbol,
    max_by(deviation_bp, abs(deviation_bp) / threshold_bp) as worst_bp,
    max_by(threshold_bp, abs(deviation_bp) / threshold_bp) as worst_threshold_bp
from crossed
