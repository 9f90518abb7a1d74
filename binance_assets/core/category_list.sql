-- Every answer about a category's members that CoinMarketCap has given, in order of time, and why it is held back where
-- it is. One with a page that is no list, or with no member, is no list at all. A list that is much shorter than the
-- list just before it is more likely a failure than a fact. It is what the next list is compared with, so that a true
-- change is believed the second time. Of two lists of one instant the later by id counts.
create or replace temp table category_list as
with page as (
    select
        substr(endpoint, length('coinmarketcap/category/') + 1) as external_id,
        file,
        received_at,
        capture_id,
        row_count
    from open.capture
    where starts_with(endpoint, 'coinmarketcap/category/')
),

-- A page that was refused as a whole has no row. Few have none, and quarantine is only searched for these.
refused as (
    select distinct quarantine.capture_id
    from raw.quarantine
    semi join (from page where row_count = 0) as page using (capture_id)
    where quarantine.position is null
),

answer as (
    select
        page.external_id,
        page.file,
        max(page.received_at) as listed_at,
        max((page.received_at, page.capture_id)) as stamp,
        list(page.capture_id) as pages,
        count(refused.capture_id) > 0 as is_refused
    from page
    left join refused using (capture_id)
    group by page.external_id, page.file
),

member as (
    select
        answer.external_id,
        answer.file,
        count(distinct listed.coinmarketcap_id) as members
    from answer
    cross join unnest(answer.pages) as page (capture_id)
    left join raw.coinmarketcap_category_coin as listed
        on page.capture_id = listed.capture_id and answer.external_id = listed.external_id
    group by answer.external_id, answer.file
),

judged as (
    select
        answer.external_id,
        answer.listed_at,
        answer.pages,
        member.members,
        case
            when answer.is_refused then 'a page of it is no list'
            when member.members = 0 then 'it has no member'
        end as fault
    from answer
    inner join member using (external_id, file)
    qualify
        row_number() over (
            partition by answer.external_id, answer.listed_at order by fault is null desc, answer.stamp desc
        ) = 1
)

select
    external_id,
    listed_at,
    pages,
    members,
    lag(if(fault is null, members, null) ignore nulls)
        over (partition by external_id order by listed_at) as members_before,
    coalesce(
        fault,
        if(100 * members < $least_percent * members_before, 'it is much shorter than the list before', null)
    ) as fault
from judged;
