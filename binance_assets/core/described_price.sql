-- Prices of symbols that metadata has described since: they move, and their minutes are to be averaged anew.
insert or ignore into meta.open_minute by name
select distinct
    date_trunc('minute', observed_at) as minute_utc,
    source
from open.price_without_metadata
semi join core.pair using (symbol);

create or replace temp table stored_price as
select
    pair.pair_id,
    price_without_metadata.observed_at,
    price_without_metadata.source,
    price_without_metadata.price
from open.price_without_metadata
inner join core.pair using (symbol)
order by price_without_metadata.observed_at, pair.pair_id;

delete from open.price_without_metadata
where symbol in (select symbol from core.pair);
