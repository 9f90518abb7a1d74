-- Hours and days whose own candle is not what the minutes roll up to, of what `compared_roll_up` compared: the newest
-- $most.
select
    dim_pair.symbol,
    if(compared_roll_up.candle_interval = '1h', 'hour', 'day') as candle,
    compared_roll_up.begins_at,
    coalesce(compared_roll_up.of_exchange::varchar, 'none') as of_exchange,
    coalesce(compared_roll_up.of_minutes::varchar, 'none') as of_minutes
from compared_roll_up
inner join mart.dim_pair using (pair_key)
where compared_roll_up.is_differing
order by compared_roll_up.begins_at desc, compared_roll_up.candle_interval asc, dim_pair.symbol asc
limit $most
