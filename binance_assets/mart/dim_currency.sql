-- The sectors that show are those of the project's own list, where that names the currency, else CoinMarketCap's. A
-- sector's place in the list of the curated ones says which of several comes first.
with membership as (
    select
        currency_category.currency_id,
        category.provider,
        category.sector,
        curated.category_id as place,
        count_if(category.provider = 'curated') over (partition by currency_category.currency_id) > 0 as is_curated
    from core.currency_category
    inner join core.category using (category_id)
    inner join core.category as curated on category.sector = curated.sector and curated.provider = 'curated'
    where currency_category.valid_to is null
),

sectors as (
    select
        currency_id,
        any_value(provider) as provider,
        string_agg(distinct sector, ' · ' order by sector) as sectors,
        min_by(sector, place) as primary_sector
    from membership
    where provider = 'curated' or not is_curated
    group by currency_id
)

select
    currency.currency_id as currency_key,
    currency.code,
    currency.name,
    currency.asset_type,
    sectors.sectors,
    sectors.primary_sector,
    sectors.provider as sector_provider,
    currency_coinmarketcap.coinmarketcap_id
from core.currency
left join sectors using (currency_id)
left join core.currency_coinmarketcap using (currency_id)
order by currency_key
