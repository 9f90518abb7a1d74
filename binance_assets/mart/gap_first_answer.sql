-- The first grid point with an answer since the metadata called a pair TRADING, where none is known, or an earlier one
-- has come.
insert or replace into meta.expected_pair by name
with answer as (
    select distinct grid_point
    from gap_answer
    where date >= $since::date and grid_point >= $since
)

select
    expected_pair.pair_id,
    expected_pair.trading_from,
    answer.grid_point as expected_from,
    expected_pair.quoted_from
from meta.expected_pair
asof inner join answer on expected_pair.trading_from <= answer.grid_point
where expected_pair.expected_from is null or expected_pair.expected_from > answer.grid_point
