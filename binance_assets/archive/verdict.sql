-- Why the file whose lines were looked at is wrong as a whole; no row if it is not.
-- Files of the futures markets have other columns' forms than those of the spot market: as many decimals as the
-- contract has, and milliseconds also from 2025 on, with a header. Spot files have eight decimals and no header.
with seen as (
    select
        coalesce(bool_or(fault = 'header'), false) as has_header,
        count(*) filter (where fault is distinct from 'header' and text <> '') as line_count,
        count(*) filter (where fault is null) as good_count,
        count(*) filter (where has_twelve_fields and has_numbers) as number_count,
        count(*) filter (where has_twelve_fields and has_numbers and has_eight_decimals) as spot_count,
        count(*) filter (where fault = 'wrong_unit' and unit_us = 1000) as millisecond_count,
        mode(fault order by fault) filter (where fault <> 'header') as kind,
        arg_min(text, line) filter (where fault <> 'header') as example
    from line
)

select
    case
        when line_count = 0 then 'empty'
        when number_count > 0 and spot_count = 0 then 'futures'
        when good_count = 0 and has_header and millisecond_count = line_count then 'futures'
        when good_count = 0 then kind
    end as refused_as,
    case
        when line_count = 0 then 'it has no candle'
        when number_count > 0 and spot_count = 0
            then 'its numbers are not written with eight decimals, as those of the spot market are'
        when good_count = 0 and has_header and millisecond_count = line_count
            then 'it has a header, and milliseconds in a time in which the spot market''s files have microseconds'
        else concat('none of its ', line_count, ' lines can be used, the first is: ', left(example, 200))
    end as detail
from seen
where refused_as is not null
