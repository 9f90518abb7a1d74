-- The newest of the prices in the temporary table stored_price, where it is newer than the one known so far. Of two
-- sources with the same instant the later in the alphabet counts, so that the order of loading does not matter.
insert or replace into meta.latest_price by name
with newest as (
    select
        pair_id,
        max_by(
            struct_pack(observed_at := observed_at, source := source, price := price), (observed_at, source)
        ) as price
    from stored_price
    group by pair_id
)

select
    newest.pair_id,
    newest.price.observed_at,
    newest.price.source,
    newest.price.price
from newest
left join meta.latest_price using (pair_id)
where
    latest_price.pair_id is null
    or (newest.price.observed_at, newest.price.source) > (latest_price.observed_at, latest_price.source);
