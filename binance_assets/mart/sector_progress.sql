-- mart.fact_sector_hour is made of the rules of pairs, and the members of sectors, as they are known now.
delete from meta.sector_member;

insert into meta.sector_member by name
select
    currency_category.currency_id,
    currency_category.category_id,
    category.provider,
    category.sector,
    currency_category.valid_from,
    currency_category.valid_to
from core.currency_category
inner join core.category on currency_category.category_id = category.category_id
where category.sector is not null;

insert or replace into meta.progress by name
select
    'mart.fact_sector_hour' as model,
    file,
    landed_at
from meta.progress
where model = 'core.pair_history';
