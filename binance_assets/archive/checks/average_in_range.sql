-- Candles of a day whose average price is not between low and high. Each trade's quote volume has eight decimals only,
-- and may be off by the last of them.
with traded as (
    select
        pair_id,
        open_at,
        source,
        low_price,
        high_price,
        volume,
        quote_volume,
        trade_count,
        trade_count * 1e-8 + quote_volume * 1e-12 as rounding
    from raw.kline
    where date = $day and quote_volume > 0
)

select * exclude (rounding)
from traded
where
    quote_volume < low_price * volume::double - rounding
    or quote_volume > high_price * volume::double + rounding
order by pair_id, open_at
