-- The newest of the changes in the temporary table membership_change.
select
    currency.code,
    category.provider,
    category.name as category,
    membership_change.change,
    membership_change.valid_from,
    membership_change.valid_to
from membership_change
inner join core.currency using (currency_id)
inner join core.category using (category_id)
order by
    coalesce(membership_change.valid_to, membership_change.valid_from) desc,
    currency.code asc,
    category.category_id asc
limit $newest
