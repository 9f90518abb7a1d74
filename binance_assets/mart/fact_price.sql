-- Every observation with its star keys. A view: it only re-keys core.price_history.
create or replace view mart.fact_price as
with rule as (
    -- The first known status of a pair is also taken for the time before it.
    select
        pair_id,
        status,
        coalesce(valid_to, timestamp 'infinity') as valid_to,
        if(
            row_number() over (partition by pair_id order by valid_from) = 1, timestamp '-infinity', valid_from
        ) as valid_from
    from core.pair_history
),

leg as (
    select
        source,
        date,
        observed_at,
        pair_id as pair_key,
        price::double as price
    from core.price_history
    where
        pair_id in (
            select unnest([pair_key, via_pair_key])
            from meta.usdt_way
            where is_of_quote
        )
),

usdt as (
    -- By the most preferred way whose pairs were trading then, and are in the same response.
    select
        leg.source,
        leg.date,
        leg.observed_at,
        usdt_way.code as quote_code,
        arg_min(
            pow(leg.price, usdt_way.exponent) * coalesce(pow(via.price, usdt_way.via_exponent), 1),
            usdt_way.preference
        ) as rate,
        arg_min(usdt_way.path, usdt_way.preference) as path
    from leg
    inner join meta.usdt_way
        on
            leg.pair_key = usdt_way.pair_key
            and leg.observed_at >= usdt_way.valid_from
            and leg.observed_at < usdt_way.valid_to
    left join leg as via
        on
            usdt_way.via_pair_key = via.pair_key
            and leg.source = via.source
            and leg.date = via.date
            and leg.observed_at = via.observed_at
    where usdt_way.is_of_quote and (usdt_way.via_pair_key is null or via.pair_key is not null)
    group by leg.source, leg.date, leg.observed_at, usdt_way.code
)

select
    price_history.pair_id as pair_key,
    price_history.date,
    (
        year(price_history.observed_at) * 10000
        + month(price_history.observed_at) * 100
        + day(price_history.observed_at)
    )::integer as date_key,
    (hour(price_history.observed_at) * 60 + minute(price_history.observed_at))::integer as time_key,
    price_history.observed_at,
    price_history.price,
    price_history.price::double * if(quote.code = 'USDT', 1, usdt.rate) as price_usdt,
    if(quote.code = 'USDT', 'USDT', usdt.path) as usdt_path,
    rule.status <> 'TRADING' or price_history.observed_at >= rule.valid_to as is_stale,
    price_history.source
from core.price_history
inner join core.pair using (pair_id)
inner join core.currency as quote on pair.quote_currency_id = quote.currency_id
asof left join rule on price_history.pair_id = rule.pair_id and price_history.observed_at >= rule.valid_from
left join usdt
    on
        price_history.source = usdt.source
        and price_history.date = usdt.date
        and price_history.observed_at = usdt.observed_at
        and quote.code = usdt.quote_code;
