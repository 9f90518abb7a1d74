-- New prices, of captures landed after the last ones read, with instants from $first_at to $last_at. Two captures of
-- one source can only disagree where they carry the same instant; such instants are few, and looked at row by row.
create or replace temp table new_capture as
select
    capture_id,
    source,
    received_at as observed_at,
    file,
    exists (
        from open.capture as other
        where
            other.endpoint = 'ticker/price'
            and other.source = capture.source
            and other.received_at = capture.received_at
            and other.capture_id <> capture.capture_id
    ) as is_contested
from open.capture
where
    endpoint = 'ticker/price'
    and file > coalesce((select file from meta.progress where model = 'core.price_history'), '');

create or replace temp table contested_price as
with contested as (
    select
        new_capture.*,
        ticker_price.symbol,
        exact_price(ticker_price.price) as price
    from raw.ticker_price
    inner join new_capture using (capture_id)
    where new_capture.is_contested and ticker_price.retrieved_at between $first_at and $last_at
),

stored as (
    select
        pair.symbol,
        price_history.observed_at,
        price_history.source,
        price_history.price
    from open.price_history
    inner join core.pair using (pair_id)
    where price_history.observed_at between $first_at and $last_at
    union all
    select
        symbol,
        observed_at,
        source,
        price
    from open.price_without_metadata
    where observed_at between $first_at and $last_at
)

select
    contested.*,
    coalesce(
        stored.price,
        first_value(contested.price) over (
            partition by contested.symbol, contested.observed_at, contested.source
            order by contested.file, contested.capture_id
        )
    ) as first_price,
    stored.price is null
    and row_number() over (
        partition by contested.symbol, contested.observed_at, contested.source
        order by contested.file, contested.capture_id
    ) = 1 as is_first
from contested
left join stored using (symbol, observed_at, source);

insert into open.quarantine by name
select
    capture_id,
    observed_at as retrieved_at,
    concat_ws(',', symbol, price, observed_at) as "row",
    concat('another price of this symbol for the same instant came before: ', first_price) as reason
from contested_price
where price <> first_price
order by capture_id, symbol;

create or replace temp table new_price as
select
    ticker_price.symbol,
    new_capture.observed_at,
    new_capture.source,
    exact_price(ticker_price.price) as price
from raw.ticker_price
inner join new_capture using (capture_id)
where not new_capture.is_contested and ticker_price.retrieved_at between $first_at and $last_at
union all
select
    symbol,
    observed_at,
    source,
    price
from contested_price
where is_first;

create or replace temp table stored_price as
select
    pair.pair_id,
    new_price.observed_at,
    new_price.source,
    new_price.price
from new_price
inner join core.pair using (symbol)
order by new_price.observed_at, pair.pair_id;

insert into open.price_without_metadata by name
select
    symbol,
    observed_at,
    source,
    price
from new_price
anti join core.pair using (symbol)
order by observed_at, symbol;

insert or ignore into meta.open_minute by name
select distinct
    date_trunc('minute', observed_at) as minute_utc,
    source
from new_capture;
