-- Of the sources that a pair's minute has a row of, the one that counts. The date stands in the partitions so that a
-- filter by it reaches the files.
create or replace view mart.price_minute as
select *
from mart.fact_price_minute
qualify
    row_number() over (
        partition by pair_key, date, minute_utc
        order by
            case
                when trade_count > 0 then 1
                when source in ('live', 'sandbox') and not is_gap then 2
                when source = 'import' and not is_gap then 3
                when not is_gap then 4
                when source <> 'import' then 5
                else 6
            end,
            source
    ) = 1;
