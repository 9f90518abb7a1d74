-- Judges the symbols of the temporary table description_row: a new response, and later ones that are replayed because
-- of it.
create or replace temp table judged_description as
with described as (
    select
        capture_id,
        retrieved_at,
        file,
        position,
        payload,
        payload ->> '$.symbol' as symbol,
        payload ->> '$.baseAsset' as base,
        payload ->> '$.quoteAsset' as quote,
        coalesce(
            case
                when json_type(payload) <> 'OBJECT' then 'it is not an object'
                when coalesce(json_type(payload, '$.symbol'), '') <> 'VARCHAR'
                    then 'its symbol is missing or not text'
            end,
            symbol_fault(payload ->> '$.symbol'),
            case
                when coalesce(json_type(payload, '$.status'), '') <> 'VARCHAR'
                    then 'its status is missing or not text'
                when coalesce(payload ->> '$.baseAsset', '') = '' or coalesce(payload ->> '$.quoteAsset', '') = ''
                    then 'its baseAsset or quoteAsset is missing'
            end
        ) as reason
    from description_row
)

select
    * exclude (reason),
    coalesce(
        reason,
        case
            when row_number() over (partition by capture_id, symbol, reason is null order by position) > 1
                then 'its symbol stood in the response before; the first row was kept'
        end
    ) as reason
from described;

-- The first description in order of landing fixes a symbol's base and quote, and the order of the stable ids.
insert into raw.symbol by name
select
    symbol,
    base,
    quote,
    capture_id,
    file,
    position,
    retrieved_at as first_seen_at,
    retrieved_at as last_seen_at,
    false as is_leveraged
from judged_description
where
    reason is null
    and not exists (from raw.symbol where symbol.symbol = judged_description.symbol)
qualify row_number() over (partition by symbol order by file, position) = 1
order by file, position;

update judged_description
set reason = concat('its base and quote were ', symbol.base, ' and ', symbol.quote, ' before')
from raw.symbol
where
    judged_description.symbol = symbol.symbol
    and judged_description.reason is null
    and (judged_description.base, judged_description.quote) <> (symbol.base, symbol.quote);

update raw.symbol
set
    first_seen_at = least(symbol.first_seen_at, seen.first_seen_at),
    last_seen_at = greatest(symbol.last_seen_at, seen.last_seen_at),
    is_leveraged = symbol.is_leveraged or seen.is_leveraged
from (
    select
        symbol,
        min(retrieved_at) as first_seen_at,
        max(retrieved_at) as last_seen_at,
        -- Either list is missing, or empty, in responses of some years.
        coalesce(
            bool_or(
                contains((payload -> '$.permissions')::varchar, '"LEVERAGED"')
                or contains((payload -> '$.permissionSets')::varchar, '"LEVERAGED"')
            ),
            false
        ) as is_leveraged
    from judged_description
    where reason is null
    group by symbol
) as seen
where symbol.symbol = seen.symbol;

insert into open.quarantine by name
select
    capture_id,
    position,
    retrieved_at,
    payload as "row",
    reason
from judged_description
where
    reason is not null
    and capture_id in (select capture_id from response)
    -- A rebuild has taken those of a day over from the lake whose other landing files were dropped.
    and capture_id not in (select capture_id from raw.quarantine)
order by capture_id, position;
