-- Every observation with its star keys. A view: it only re-keys core.price_history.
create or replace view mart.fact_price as
with rule as (
    -- The first known status of a pair is also taken for the time before it.
    select
        pair_id,
        status,
        if(
            row_number() over (partition by pair_id order by valid_from) = 1, timestamp '-infinity', valid_from
        ) as valid_from
    from core.pair_history
),

quoted as (
    select
        price_history.source,
        price_history.date,
        price_history.observed_at,
        price_history.price::double as price,
        base.code as base_code,
        quote.code as quote_code
    from core.price_history
    inner join core.pair using (pair_id)
    inner join core.currency as base on pair.base_currency_id = base.currency_id
    inner join core.currency as quote on pair.quote_currency_id = quote.currency_id
    -- Only these pairs can lead from a quote currency to USDT.
    where
        'USDT' in (base.code, quote.code)
        or 'BTC' in (base.code, quote.code)
),

leg as (
    -- What one unit of a currency is worth in USDT or in BTC, directly or inverted.
    select
        source,
        date,
        observed_at,
        base_code as code,
        quote_code as target,
        price as rate,
        1 as preference
    from quoted
    where quote_code in ('USDT', 'BTC')
    union all
    select
        source,
        date,
        observed_at,
        quote_code as code,
        base_code as target,
        1 / price as rate,
        2 as preference
    from quoted
    where base_code in ('USDT', 'BTC')
),

best_leg as (
    select
        source,
        date,
        observed_at,
        code,
        target,
        arg_min(rate, preference) as rate
    from leg
    where code in (select currency.code from core.pair inner join core.currency on quote_currency_id = currency_id)
    group by source, date, observed_at, code, target
),

rate as (
    select
        source,
        date,
        observed_at,
        best_leg.code,
        coalesce(
            max(best_leg.rate) filter (where best_leg.target = 'USDT'),
            max(best_leg.rate * bitcoin.rate) filter (where best_leg.target = 'BTC')
        ) as usdt
    from best_leg
    left join (
        select
            source,
            date,
            observed_at,
            rate
        from best_leg
        where code = 'BTC' and target = 'USDT'
    ) as bitcoin using (source, date, observed_at)
    group by source, date, observed_at, best_leg.code
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
    price_history.price::double * if(quote.code = 'USDT', 1, rate.usdt) as price_usdt,
    rule.status <> 'TRADING' as is_stale,
    price_history.source
from core.price_history
inner join core.pair using (pair_id)
inner join core.currency as quote on pair.quote_currency_id = quote.currency_id
asof left join rule on price_history.pair_id = rule.pair_id and price_history.observed_at >= rule.valid_from
left join rate
    on
        price_history.source = rate.source
        and price_history.date = rate.date
        and price_history.observed_at = rate.observed_at
        and quote.code = rate.code;
