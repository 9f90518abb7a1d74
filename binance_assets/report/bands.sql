-- Pairs by the decade that their price lies in, those between the lowest and the highest included that have none.
with banded as (
    select
        quote_code,
        -- By the digits, as in mart.fact_price_latest: a logarithm is not exact at the powers of ten.
        if(
            price >= 1,
            length(split_part(price_text, '.', 1)) - 1,
            -1 - length(regexp_extract(price_text, '\.(0*)', 1))
        )::integer as band
    from quoted
    where is_counted
)

select
    band.power,
    count(banded.band) as pairs,
    count(banded.band) filter (where banded.quote_code = $quote) as pairs_in_quote
from generate_series((select min(band) from banded), (select max(band) from banded)) as band (power)
left join banded on band.power = banded.band
group by band.power
order by band.power
