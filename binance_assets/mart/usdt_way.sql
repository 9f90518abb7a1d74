-- The ways from each currency to USDT, by the spans in meta.trading_span. This is the one place that says which pairs
-- lead where, and which way is preferred: the lowest number that can be gone.
create or replace temp table usdt_way_before as
from meta.usdt_way;

delete from meta.usdt_way;

insert into meta.usdt_way by name
with pair as (
    select
        pair.pair_id as pair_key,
        pair.symbol,
        base.code as base_code,
        quote.code as quote_code
    from core.pair
    inner join core.currency as base on pair.base_currency_id = base.currency_id
    inner join core.currency as quote on pair.quote_currency_id = quote.currency_id
),

leg as (
    select
        pair_key,
        symbol as step,
        base_code as code,
        quote_code as target,
        1 as exponent
    from pair
    where quote_code in ('USDT', 'BTC') and base_code <> 'USDT'
    union all
    select
        pair_key,
        concat('1/', symbol) as step,
        quote_code as code,
        base_code as target,
        -1 as exponent
    from pair
    where base_code in ('USDT', 'BTC') and quote_code <> 'USDT'
),

trading_leg as (
    select
        leg.*,
        trading_span.valid_from,
        trading_span.valid_to
    from leg
    inner join meta.trading_span using (pair_key)
),

bitcoin as (
    select pair_key
    from leg
    where code = 'BTC' and target = 'USDT'
    order by exponent desc, pair_key asc
    limit 1
),

way as (
    select
        code,
        step as path,
        1 as steps,
        pair_key,
        exponent,
        null::integer as via_pair_key,
        null::integer as via_exponent,
        valid_from,
        valid_to
    from trading_leg
    where target = 'USDT'
    union all
    select
        leg.code,
        concat(leg.step, ' x ', via.step) as path,
        2 as steps,
        leg.pair_key,
        leg.exponent,
        via.pair_key as via_pair_key,
        via.exponent as via_exponent,
        greatest(leg.valid_from, via.valid_from) as valid_from,
        least(leg.valid_to, via.valid_to) as valid_to
    from trading_leg as leg
    inner join trading_leg as via
        on
            leg.target = via.code
            and leg.valid_from < via.valid_to
            and leg.valid_to > via.valid_from
    -- Always on by the same pair, so that the first one says which way it is.
    where leg.target = 'BTC' and via.pair_key = (select pair_key from bitcoin)
)

select
    code,
    dense_rank() over (
        partition by code order by steps, -exponent, path
    )::integer as preference,
    path,
    code in (select quote_code from pair) as is_of_quote,
    pair_key,
    exponent,
    via_pair_key,
    via_exponent,
    valid_from,
    valid_to
from way
order by code, preference, valid_from;
