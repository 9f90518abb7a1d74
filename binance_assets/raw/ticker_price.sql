-- Judges the rows of the temporary table ticker_row one by one: a good one is stored, any other goes into quarantine
-- with the reason, and none stops the rest. Of several good rows for a symbol in one response the first is kept.
create or replace temp table judged_row as
with judged as (
    select
        capture_id,
        retrieved_at,
        position,
        written,
        symbol,
        price,
        coalesce(
            reason,
            symbol_fault(symbol),
            case
                when price like '-%' then 'its price is negative'
                when exact_price(price) is null
                    then 'its price is no decimal number that fits ten digits before the point and eight behind it'
                when exact_price(price) = 0 then 'its price is zero'
            end
        ) as reason
    from ticker_row
)

select
    * exclude (reason),
    coalesce(
        reason,
        case
            when row_number() over (partition by capture_id, symbol, reason is null order by position) > 1
                then 'its symbol stood in the response before; the first row was kept'
        end
    ) as reason
from judged;

insert into raw.ticker_price by name
select
    capture_id,
    symbol,
    price,
    retrieved_at
from judged_row
where reason is null
order by retrieved_at, position;

insert into open.quarantine by name
select
    capture_id,
    position,
    retrieved_at,
    written as "row",
    reason
from judged_row
where reason is not null
order by capture_id, position;
