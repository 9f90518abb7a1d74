-- Every list of a category's members that CoinMarketCap has given, in order of time, and whether it is held back: one
-- that is much shorter than the list just before it is more likely a failure than a fact. It is what the next list is
-- compared with, so that a true change is believed the second time. Of two lists of one instant the later by id counts.
create or replace temp table category_list as
with list as (
    select
        substr(endpoint, length('coinmarketcap/category/') + 1) as external_id,
        file,
        max(received_at) as listed_at,
        max((received_at, capture_id)) as stamp,
        list(capture_id) as pages
    from open.capture
    where starts_with(endpoint, 'coinmarketcap/category/')
    group by external_id, file
    qualify row_number() over (partition by external_id, listed_at order by stamp desc) = 1
),

member as (
    select
        list.external_id,
        list.listed_at,
        count(distinct listed.coinmarketcap_id) as members
    from list
    cross join unnest(list.pages) as page (capture_id)
    left join raw.coinmarketcap_category_coin as listed
        on page.capture_id = listed.capture_id and list.external_id = listed.external_id
    group by list.external_id, list.listed_at
)

select
    list.external_id,
    list.listed_at,
    list.pages,
    member.members,
    lag(member.members) over (partition by list.external_id order by list.listed_at) as members_before,
    coalesce(100 * member.members < $least_percent * members_before, false) as is_held_back
from list
inner join member using (external_id, listed_at);
