-- Sealed days in which prices wait for metadata that has come.
select distinct price_without_metadata.date
from core.price_without_metadata
semi join core.pair using (symbol)
where
    price_without_metadata.date in (
        select date from meta.sealed_partition where "table" = 'price_without_metadata'
    )
order by price_without_metadata.date
