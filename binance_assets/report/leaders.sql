-- The pair with the highest price in each quote currency, and the next one; quote currencies with most pairs first.
with ranked as (
    select
        *,
        row_number() over (partition by quote_code order by price desc, symbol asc) as place,
        count(*) over (partition by quote_code) as pairs
    from quoted
    where is_counted
)

select
    leader.quote_code,
    leader.pairs,
    leader.symbol,
    leader.base_code,
    leader.price,
    leader.price_text,
    next.symbol as next_symbol,
    next.base_code as next_base_code,
    next.price as next_price,
    next.price_text as next_price_text,
    leader.price / next.price as times_the_next
from ranked as leader
left join ranked as next on leader.quote_code = next.quote_code and next.place = 2
where leader.place = 1
order by leader.pairs desc, leader.quote_code asc
