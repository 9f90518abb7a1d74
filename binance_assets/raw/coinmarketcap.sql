-- Rows of the responses of CoinMarketCap in the temporary table response, judged one by one: a good one is stored, any
-- other goes into quarantine with the reason, and none stops the rest. The pages of one answer are captures of one
-- landing file; of several good rows with the same id in it the first is kept.
create or replace temp table judged_coinmarketcap as
with listed as (
    select
        capture_id,
        received_at as retrieved_at,
        file,
        if(starts_with(endpoint, 'coinmarketcap/category/'), 'coinmarketcap/category', endpoint) as kind,
        substr(endpoint, length('coinmarketcap/category/') + 1) as external_id,
        body -> if(starts_with(endpoint, 'coinmarketcap/category/'), '$.data.coins', '$.data') as found,
        coalesce(json_type(found), '') = 'ARRAY' as is_list
    from response
    where starts_with(endpoint, 'coinmarketcap/')
    union all
    -- A category with its members says what the list of all categories says of it.
    select
        capture_id,
        received_at as retrieved_at,
        file,
        'coinmarketcap/categories' as kind,
        null as external_id,
        json_array(body -> '$.data') as found,
        true as is_list
    from response
    where starts_with(endpoint, 'coinmarketcap/category/')
),

element as (
    select
        * exclude (found, is_list),
        coalesce(unnest(from_json(found, '["json"]')), 'null') as written,
        unnest(range(1, json_array_length(found)::bigint + 1)) as position,
        null as reason
    from listed
    where is_list
    union all
    select
        * exclude (found, is_list),
        coalesce(found, 'null') as written,
        null as position,
        'its data is missing or no list' as reason
    from listed
    where not is_list
),

judged as (
    select
        * exclude (reason),
        written ->> '$.id' as id,
        coalesce(
            reason,
            case
                when json_type(written) <> 'OBJECT' then 'it is not an object'
                when kind = 'coinmarketcap/categories' and coalesce(json_type(written, '$.id'), '') <> 'VARCHAR'
                    then 'its id is missing or not text'
                when
                    kind <> 'coinmarketcap/categories'
                    and not coalesce(
                        json_type(written, '$.id') = 'UBIGINT'
                        and try_cast(written ->> '$.id' as bigint) between 1 and 2147483647,
                        false
                    )
                    then 'its id is missing or no number of a coin'
                when
                    kind in ('coinmarketcap/categories', 'coinmarketcap/map')
                    and (
                        coalesce(json_type(written, '$.name'), '') <> 'VARCHAR'
                        or trim(written ->> '$.name') = ''
                    )
                    then 'its name is missing or not text'
            end,
            case
                when kind <> 'coinmarketcap/map' then null
                when coalesce(json_type(written, '$.symbol'), '') <> 'VARCHAR' or trim(written ->> '$.symbol') = ''
                    then 'its symbol is missing or not text'
                when coalesce(json_type(written, '$.slug'), '') <> 'VARCHAR' then 'its slug is missing or not text'
                when
                    coalesce(json_type(written, '$.rank'), 'NULL') not in ('UBIGINT', 'NULL')
                    or try_cast(coalesce(written ->> '$.rank', '1') as integer) is null
                    then 'its rank is no whole number'
                when coalesce(written ->> '$.is_active', '') not in ('0', '1', 'true', 'false')
                    then 'its is_active is missing or neither 0 nor 1'
            end,
            case
                when
                    kind = 'coinmarketcap/listings'
                    and not coalesce(
                        json_type(written, '$.quote.USD.price') in ('UBIGINT', 'BIGINT', 'DOUBLE')
                        and isfinite(try_cast(written ->> '$.quote.USD.price' as double))
                        and try_cast(written ->> '$.quote.USD.price' as double) >= 0,
                        false
                    )
                    then 'its price in USD is missing or no number'
            end
        ) as reason
    from element
)

select
    * exclude (reason),
    coalesce(
        reason,
        case
            when
                row_number() over (
                    partition by file, kind, external_id, id, reason is null
                    order by retrieved_at, capture_id, position
                ) > 1
                then 'its id stood in the answer before; the first row was kept'
        end
    ) as reason
from judged;

insert into open.quarantine by name
select
    capture_id,
    position,
    retrieved_at,
    written as "row",
    reason
from judged_coinmarketcap
where
    reason is not null
    -- The pages of a category's members all describe the category.
    and not (kind = 'coinmarketcap/categories' and starts_with(reason, 'its id stood'))
    -- A rebuild has taken those of a day over from the lake whose other landing files were dropped.
    and capture_id not in (select capture_id from raw.quarantine)
order by capture_id, position;

-- An answer is of the time of its last page.
create or replace temp table coin_answer as
select
    kind,
    file,
    max(retrieved_at) as listed_at,
    max(capture_id) as capture_id
from judged_coinmarketcap
where reason is null and kind in ('coinmarketcap/map', 'coinmarketcap/listings')
group by kind, file;

-- Of each coin the newest row counts, whatever the order in which they are loaded; of two of one instant the later by
-- id, here as below.
insert or replace into raw.coinmarketcap_coin by name
with coin as (
    select
        judged.id::integer as coinmarketcap_id,
        judged.written ->> '$.symbol' as symbol,
        judged.written ->> '$.name' as name,
        judged.written ->> '$.slug' as slug,
        (judged.written ->> '$.rank')::integer as rank,
        (judged.written ->> '$.is_active') in ('1', 'true') as is_active,
        judged.capture_id,
        judged.retrieved_at,
        coin_answer.listed_at
    from judged_coinmarketcap as judged
    inner join coin_answer using (kind, file)
    where judged.kind = 'coinmarketcap/map' and judged.reason is null
    qualify
        row_number() over (
            partition by judged.id order by coin_answer.listed_at desc, judged.capture_id desc
        ) = 1
)

select coin.*
from coin
left join raw.coinmarketcap_coin as known using (coinmarketcap_id)
where
    known.coinmarketcap_id is null
    or (coin.listed_at, coin.capture_id) > (known.listed_at, known.capture_id)
order by coin.coinmarketcap_id;

-- What says whether a map counts: one with a page that is no list, or that is much shorter than others, does not.
insert or replace into meta.coin_map by name
select
    coin_answer.listed_at,
    coin_answer.capture_id,
    count(*) filter (where judged.reason is null) as coins,
    count(*) filter (where judged.position is null) = 0 as is_list
from coin_answer
inner join judged_coinmarketcap as judged using (kind, file)
where coin_answer.kind = 'coinmarketcap/map'
group by coin_answer.file, coin_answer.listed_at, coin_answer.capture_id;

insert or ignore into meta.coin_symbol by name
select distinct
    id::integer as coinmarketcap_id,
    written ->> '$.symbol' as symbol
from judged_coinmarketcap
where kind = 'coinmarketcap/map' and reason is null
order by coinmarketcap_id, symbol;

insert into meta.refused_coin by name
with refused as (
    select
        coin_answer.listed_at,
        judged.capture_id,
        judged.position,
        if(
            json_type(judged.written, '$.id') = 'UBIGINT', nullif(try_cast(judged.id as integer), 0), null
        ) as coinmarketcap_id,
        if(json_type(judged.written, '$.symbol') = 'VARCHAR', judged.written ->> '$.symbol', null) as symbol
    from coin_answer
    inner join judged_coinmarketcap as judged using (kind, file)
    where coin_answer.kind = 'coinmarketcap/map' and judged.reason is not null and judged.position is not null
)

select *
from refused
where coinmarketcap_id is not null or symbol is not null
order by capture_id, position;

create or replace temp table new_listing as
select
    file,
    listed_at
from coin_answer
where
    kind = 'coinmarketcap/listings'
    and not exists (
        from raw.coinmarketcap_listing as known
        where known.listed_at = coin_answer.listed_at and known.capture_id >= coin_answer.capture_id
    )
qualify row_number() over (partition by listed_at order by capture_id desc) = 1;

delete from raw.coinmarketcap_listing
where listed_at in (select listed_at from new_listing);

insert into raw.coinmarketcap_listing by name
select
    judged.capture_id,
    judged.id::integer as coinmarketcap_id,
    (judged.written ->> '$.quote.USD.price')::double as price_usd,
    new_listing.listed_at
from judged_coinmarketcap as judged
inner join new_listing using (file)
where judged.kind = 'coinmarketcap/listings' and judged.reason is null
order by new_listing.listed_at, coinmarketcap_id;

insert or replace into meta.coin_listing by name
select
    listed_at,
    true as is_open
from new_listing;

create or replace temp table named_category as
select
    id as external_id,
    written ->> '$.name' as name,
    try_cast(written ->> '$.num_tokens' as integer) as num_tokens,
    capture_id,
    retrieved_at,
    first_value(file) over (partition by id order by file, position) as file,
    first_value(position) over (partition by id order by file, position) as position
from judged_coinmarketcap
where kind = 'coinmarketcap/categories' and reason is null
qualify row_number() over (partition by id order by retrieved_at desc, capture_id desc) = 1;

insert into raw.coinmarketcap_category by name
select
    external_id,
    name,
    num_tokens,
    capture_id,
    retrieved_at,
    file,
    position
from named_category
where not exists (from raw.coinmarketcap_category as known where known.external_id = named_category.external_id)
order by file, position;

update raw.coinmarketcap_category
set
    name = named_category.name,
    num_tokens = named_category.num_tokens,
    capture_id = named_category.capture_id,
    retrieved_at = named_category.retrieved_at
from named_category
where
    coinmarketcap_category.external_id = named_category.external_id
    and (named_category.retrieved_at, named_category.capture_id)
    > (coinmarketcap_category.retrieved_at, coinmarketcap_category.capture_id);

insert into raw.coinmarketcap_category_coin by name
select
    capture_id,
    external_id,
    id::integer as coinmarketcap_id,
    retrieved_at as listed_at
from judged_coinmarketcap
where kind = 'coinmarketcap/category' and reason is null
order by listed_at, external_id, coinmarketcap_id;
