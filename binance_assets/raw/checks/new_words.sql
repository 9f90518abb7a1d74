-- Fields, statuses and filters in the newest metadata that the project does not know.
with newest as (
    select
        exchange_info.symbol,
        exchange_info.payload
    from raw.exchange_info
    inner join raw.symbol on exchange_info.symbol = symbol.symbol
    where symbol.last_seen_at = (select max(last_seen_at) from raw.symbol)
    qualify row_number() over (partition by exchange_info.symbol order by exchange_info.retrieved_at desc) = 1
),

word as (
    select
        'field' as kind,
        unnest(json_keys(payload)) as word,
        symbol
    from newest
    union all
    select
        'status' as kind,
        payload ->> '$.status' as word,
        symbol
    from newest
    union all
    select
        'filter' as kind,
        unnest(payload ->> '$.filters[*].filterType') as word,
        symbol
    from newest
)

select
    kind,
    word,
    count(distinct symbol) as symbols
from word
where
    (kind = 'field' and not list_contains($fields, word))
    or (kind = 'status' and not list_contains($statuses, word))
    or (kind = 'filter' and not list_contains($filters, word))
group by kind, word
order by kind, word
