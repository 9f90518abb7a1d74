-- Every pair with what the page filters by. A pair that is not listed any more says so instead of its last status.
create view pair as
select
    pair_key,
    symbol,
    base_code as base,
    quote_code as quote,
    case when is_listed then status else 'NOT LISTED' end as status,
    is_listed,
    is_trading,
    coalesce(primary_sector, 'No sector') as sector
from dim_pair
