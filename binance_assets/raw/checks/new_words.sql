-- Fields and statuses in the newest metadata that the project does not know.
with newest as (
    select
        symbol,
        payload
    from raw.exchange_info
    where retrieved_at > (select max(retrieved_at) - interval 1 day from raw.exchange_info)
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
)

select
    kind,
    word,
    count(distinct symbol) as symbols
from word
where
    (kind = 'field' and not list_contains($fields, word))
    or (kind = 'status' and not list_contains($statuses, word))
group by kind, word
order by kind, word
