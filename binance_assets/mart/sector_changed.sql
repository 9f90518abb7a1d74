-- From when on the rules of pairs, or the members of sectors, may be other ones than mart.fact_sector_hour was made of;
-- null if they are not.
with member as (
    select
        currency_category.currency_id,
        currency_category.category_id,
        category.provider,
        category.sector,
        currency_category.valid_from,
        currency_category.valid_to
    from core.currency_category
    inner join core.category on currency_category.category_id = category.category_id
    where category.sector is not null
    union all by name
    from meta.sector_member
),

moment as (
    select
        * exclude (valid_from, valid_to),
        valid_from as changed_at,
        'joins' as what
    from member
    union all by name
    select
        * exclude (valid_from, valid_to),
        valid_to as changed_at,
        'leaves' as what
    from member
    where valid_to is not null
),

-- A moment that was known then and is known now stands there twice. New metadata counts from its own time on.
changed as (
    select changed_at
    from moment
    group by currency_id, category_id, provider, sector, changed_at, what
    having count(*) = 1
    union all
    select received_at as changed_at
    from open.capture
    where
        endpoint = 'exchangeInfo'
        and file > coalesce((select file from meta.progress where model = 'mart.fact_sector_hour'), '')
        and file <= (select file from meta.progress where model = 'core.pair_history')
)

select min(changed_at) as since
from changed
