-- What each currency was worth in US dollars on the exchange at $at, with a USDT as one dollar: by its pair with USDT,
-- direct or inverted, else by its pair with BTC. Of a pair the last price of the hour before counts, else the first of
-- the hour after (a new home samples prices only when it has its metadata); and only if the pair was trading, since a
-- halted one still shows the price of its last trade. Metadata that is new therefore changes nothing of what was more
-- than an hour before it.
create or replace temp table pair_price as
with observed as (
    select
        pair_id,
        coalesce(
            max(observed_at) filter (where observed_at <= $at::timestamp),
            min(observed_at)
        ) as observed_at
    from core.price_history
    where
        date between ($at::timestamp - interval 1 hour)::date and ($at::timestamp + interval 1 hour)::date
        and observed_at between $at::timestamp - interval 1 hour and $at::timestamp + interval 1 hour
    group by pair_id
),

trading as (
    select pair_id
    from core.pair_history
    qualify
        status = 'TRADING'
        and $at::timestamp < coalesce(valid_to, timestamp 'infinity')
        and (
            $at::timestamp >= valid_from
            or (
                $at::timestamp >= valid_from - interval 1 hour
                and row_number() over (partition by pair_id order by valid_from) = 1
            )
        )
)

select
    pair_id,
    -- Two sources may have prices of one instant; the later in the alphabet counts, as for the latest price.
    max_by(price_history.price, price_history.source)::double as price
from core.price_history
inner join observed using (pair_id, observed_at)
semi join trading using (pair_id)
where
    price_history.date between ($at::timestamp - interval 1 hour)::date and ($at::timestamp + interval 1 hour)::date
    and price_history.observed_at between $at::timestamp - interval 1 hour and $at::timestamp + interval 1 hour
group by pair_id;

-- Of several pairs of the same two currencies the first by symbol counts.
create or replace temp table currency_price as
with leg as (
    select
        base.currency_id,
        quote.code as other,
        pair_price.price as value,
        (1, pair.symbol) as preference
    from pair_price
    inner join core.pair using (pair_id)
    inner join core.currency as base on pair.base_currency_id = base.currency_id
    inner join core.currency as quote on pair.quote_currency_id = quote.currency_id
    union all
    select
        quote.currency_id,
        base.code as other,
        1 / pair_price.price as value,
        (2, pair.symbol) as preference
    from pair_price
    inner join core.pair using (pair_id)
    inner join core.currency as base on pair.base_currency_id = base.currency_id
    inner join core.currency as quote on pair.quote_currency_id = quote.currency_id
),

btc as (
    select leg.value
    from leg
    inner join core.currency using (currency_id)
    where currency.code = 'BTC' and leg.other = 'USDT'
    order by leg.preference
    limit 1
),

way as (
    select
        currency_id,
        1 as price_usd,
        (0, '') as preference
    from core.currency
    where code = 'USDT'
    union all
    select
        currency_id,
        value as price_usd,
        preference
    from leg
    where other = 'USDT'
    union all
    select
        leg.currency_id,
        leg.value * btc.value as price_usd,
        (leg.preference[1] + 2, leg.preference[2]) as preference
    from leg
    cross join btc
    where leg.other = 'BTC'
)

select
    currency_id,
    min_by(price_usd, preference)::double as price_usd
from way
group by currency_id;
