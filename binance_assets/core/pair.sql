-- Base and quote are the exchange's own, by the symbol's first description; ids grow in order of landing.
insert into core.pair by name
select
    symbol.symbol,
    base.currency_id as base_currency_id,
    quote.currency_id as quote_currency_id,
    symbol.first_seen_at,
    symbol.last_seen_at,
    (select coalesce(max(pair_id), 0) from core.pair)
    + row_number() over (order by symbol.file, symbol.position) as pair_id
from raw.symbol
inner join core.currency as base on symbol.base = base.code
inner join core.currency as quote on symbol.quote = quote.code
where not exists (from core.pair where pair.symbol = symbol.symbol);

update core.pair
set
    first_seen_at = symbol.first_seen_at,
    last_seen_at = symbol.last_seen_at
from raw.symbol
where
    pair.symbol = symbol.symbol
    and (pair.first_seen_at, pair.last_seen_at) <> (symbol.first_seen_at, symbol.last_seen_at);
