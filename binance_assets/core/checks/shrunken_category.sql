-- Categories whose newest list of members is held back.
with newest as (
    select *
    from category_list
    qualify row_number() over (partition by external_id order by listed_at desc) = 1
)

select
    category.name,
    newest.listed_at,
    newest.members_before,
    newest.members
from newest
left join raw.coinmarketcap_category as category using (external_id)
where newest.is_held_back
order by category.name
