-- The curated categories have the numbers of their order in the project's list, which leaves room up to 100;
-- CoinMarketCap's follow in the order in which landing first named them.
create or replace temp table known_category as
with listed as (
    select
        *,
        row_number() over () as position
    from read_csv($categories, header = true, all_varchar = true)
)

select
    position::integer as category_id,
    provider,
    external_id,
    name,
    sector
from listed
where provider = 'curated'
union all
select
    (100 + row_number() over (order by category.file, category.position))::integer as category_id,
    'coinmarketcap' as provider,
    category.external_id,
    category.name,
    listed.sector
from raw.coinmarketcap_category as category
left join listed on listed.provider = 'coinmarketcap' and category.name = listed.name;

update core.category
set
    name = known_category.name,
    sector = known_category.sector
from known_category
where
    category.category_id = known_category.category_id
    and (category.name, category.sector) is distinct from (known_category.name, known_category.sector);

insert into core.category by name
select *
from known_category
where category_id not in (select category_id from core.category)
order by category_id;
