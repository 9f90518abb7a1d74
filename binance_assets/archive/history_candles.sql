-- How many candles there are of some pairs and months.
select count(*)
from raw.kline
where
    month between $first_month and $last_month
    and pair_id in (
        select pair_id
        from core.pair
        where symbol in (select unnest($symbols::varchar[]))
    )
