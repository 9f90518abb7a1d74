-- Since when some pair has been TRADING of which the first answer since then is not known, or is later than $first_at.
select min(trading_from) as since
from meta.expected_pair
where expected_from is null or expected_from > $first_at
