-- A currency is what some pair has as base or quote; ids grow in the order in which landing first named it.
insert into core.currency by name
with mention as (
    select
        symbol.base as code,
        symbol.file,
        symbol.position,
        1 as side
    from raw.symbol
    union all
    select
        symbol.quote as code,
        symbol.file,
        symbol.position,
        2 as side
    from raw.symbol
),

appearance as (
    select
        code,
        min((file, position, side)) as first_mention
    from mention
    where code not in (select code from core.currency)
    group by code
)

select
    code,
    'crypto' as asset_type,
    (select coalesce(max(currency_id), 0) from core.currency)
    + row_number() over (order by first_mention) as currency_id
from appearance;

-- What the project's reviewed list says of it.
update core.currency
set
    name = reviewed.name,
    asset_type = coalesce(reviewed.asset_type, 'crypto')
from (
    select
        currency.currency_id,
        listed.name,
        listed.asset_type
    from core.currency
    left join read_csv($reviewed, header = true, all_varchar = true) as listed using (code)
) as reviewed
where
    currency.currency_id = reviewed.currency_id
    and (
        currency.name is distinct from reviewed.name
        or currency.asset_type <> coalesce(reviewed.asset_type, 'crypto')
    );
