-- Which categories each currency is in, from when to when: the project's own list, and the lists of CoinMarketCap by
-- the coin that the currency is. Made anew as a whole, and the rows that differ are changed.
create or replace temp table known_membership as
with believed as (
    select
        external_id,
        listed_at,
        pages,
        row_number() over (partition by external_id order by listed_at) as number,
        lead(listed_at) over (partition by external_id order by listed_at) as next_at
    from category_list
    where fault is null
),

listed as (
    select distinct
        believed.external_id,
        believed.number,
        believed.listed_at,
        believed.next_at,
        member.coinmarketcap_id
    from believed
    cross join unnest(believed.pages) as page (capture_id)
    inner join raw.coinmarketcap_category_coin as member
        on page.capture_id = member.capture_id and believed.external_id = member.external_id
),

-- Lists without a break between them have the same difference of the two numbers.
run as (
    select
        *,
        number - row_number() over (partition by external_id, coinmarketcap_id order by number) as run
    from listed
),

span as (
    select
        external_id,
        coinmarketcap_id,
        min(listed_at) as valid_from,
        max_by(coalesce(next_at, timestamp 'infinity'), number) as valid_to
    from run
    group by external_id, coinmarketcap_id, run
)

select
    currency_coinmarketcap.currency_id,
    category.category_id,
    span.valid_from,
    nullif(span.valid_to, timestamp 'infinity') as valid_to
from span
inner join core.currency_coinmarketcap using (coinmarketcap_id)
inner join core.category on category.provider = 'coinmarketcap' and span.external_id = category.external_id
union all
select
    currency.currency_id,
    category.category_id,
    coalesce(listed.valid_from, '2017-07-14')::timestamp as valid_from,
    null as valid_to
from read_csv($curated, header = true, all_varchar = true) as listed
inner join core.currency using (code)
inner join core.category on category.provider = 'curated' and listed.category = category.external_id;

create or replace temp table membership_change as
select
    coalesce(known.currency_id, stored.currency_id) as currency_id,
    coalesce(known.category_id, stored.category_id) as category_id,
    coalesce(known.valid_from, stored.valid_from) as valid_from,
    known.valid_to,
    case
        when stored.currency_id is null then 'began'
        when known.currency_id is null then 'withdrawn'
        when stored.valid_to is null then 'ended'
        else 'goes on'
    end as change
from known_membership as known
full outer join core.currency_category as stored
    on
        known.currency_id = stored.currency_id
        and known.category_id = stored.category_id
        and known.valid_from = stored.valid_from
where
    known.currency_id is null
    or stored.currency_id is null
    or known.valid_to is distinct from stored.valid_to;

delete from core.currency_category
using membership_change
where
    membership_change.change = 'withdrawn'
    and currency_category.currency_id = membership_change.currency_id
    and currency_category.category_id = membership_change.category_id
    and currency_category.valid_from = membership_change.valid_from;

update core.currency_category
set valid_to = membership_change.valid_to
from membership_change
where
    membership_change.change in ('ended', 'goes on')
    and currency_category.currency_id = membership_change.currency_id
    and currency_category.category_id = membership_change.category_id
    and currency_category.valid_from = membership_change.valid_from;

insert into core.currency_category by name
select
    currency_id,
    category_id,
    valid_from,
    valid_to
from membership_change
where change = 'began'
order by currency_id, category_id, valid_from;
