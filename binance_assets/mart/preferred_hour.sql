-- Of the sources that a pair's hour has a row of, the one that counts: the most minutes first, then as for minutes.
create or replace view mart.price_hour as
select *
from mart.fact_price_hour
qualify
    row_number() over (
        partition by pair_key, date, hour_utc
        order by
            observed_minutes desc,
            case
                when trade_count > 0 then 1
                when source in ('live', 'sandbox') then 2
                when source = 'import' then 3
                else 4
            end asc,
            source asc
    ) = 1;
