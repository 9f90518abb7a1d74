-- Minutes whose sampled average is not where the trades were, worst first, of what `compared_minute` compared.
select
    dim_pair.symbol,
    minute_utc,
    compared_minute.source,
    sampled_price,
    lowest_price,
    highest_price,
    traded_price,
    candle_source
from compared_minute
inner join mart.dim_pair using (pair_key)
where is_outside
order by greatest(lowest_price / sampled_price, sampled_price / highest_price) desc, minute_utc asc, dim_pair.symbol asc
