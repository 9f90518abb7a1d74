-- What the ledger says of a span, of a pair and of the whole market.
select
    from_utc,
    to_utc,
    cause
from read_parquet($gaps)
where
    (pair_key = $pair or pair_key is null)
    and from_utc < $until
    and (to_utc > $since or to_utc is null)
order by from_utc, to_utc
