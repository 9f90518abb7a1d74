-- A USDT is a dollar at all times: also when listings came that were compared before it was known.
update meta.coin_listing
set is_open = true
where
    not is_open
    and not exists (from core.currency where code = 'USDT')
    and exists (from raw.symbol where 'USDT' in (symbol.base, symbol.quote));

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

-- What it is: a leveraged token where the exchange has called it one, else what the project's reviewed list says.
update core.currency
set
    name = judged.name,
    asset_type = judged.asset_type
from (
    select
        currency.currency_id,
        listed.name,
        if(
            currency.code in (select symbol.base from raw.symbol where symbol.is_leveraged),
            'leveraged_token',
            coalesce(listed.asset_type, 'crypto')
        ) as asset_type
    from core.currency
    left join read_csv($reviewed, header = true, all_varchar = true) as listed using (code)
) as judged
where
    currency.currency_id = judged.currency_id
    and (currency.name is distinct from judged.name or currency.asset_type <> judged.asset_type);
