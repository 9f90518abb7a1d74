-- Where else rows of the ledger may have changed: those of the market, that may be made of gaps of pairs, and with new
-- metadata every pair's.
insert into gap_changed
select from_utc
from meta.pair_gap
where $has_metadata or from_utc between $previous_at and $next_at
union all
select from_utc
from gap_of_market
union all
select from_utc
from meta.sampling_gap
where pair_key is null and from_utc > $previous_at and from_utc < $next_at
union all
select expected_from as from_utc
from meta.expected_pair
where expected_from < coalesce(quoted_from, timestamp 'infinity')
