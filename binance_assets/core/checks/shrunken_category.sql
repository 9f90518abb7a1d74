-- Categories of which the newest answer about their members is held back.
with newest as (
    select *
    from category_list
    qualify row_number() over (partition by external_id order by listed_at desc) = 1
)

select
    coalesce(category.name, newest.external_id) as name,
    newest.listed_at,
    newest.members_before,
    newest.members,
    newest.fault
from newest
left join raw.coinmarketcap_category as category using (external_id)
where newest.fault is not null
order by name
