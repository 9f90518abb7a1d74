-- Measures the sectors in the hours from $since up to $until that meta.open_sector_hour names, from the hours of their
-- pairs. Those are read from the view, since late metadata may change the sectors of sealed days.
delete from mart.fact_sector_hour
where
    hour_utc >= $since
    and hour_utc < $until
    and (source, hour_utc) in (select (source, hour_utc) from meta.open_sector_hour);

insert into mart.fact_sector_hour by name
with price_hour as (
    select
        pair_key,
        source,
        hour_utc,
        close_price::double / open_price::double as growth,
        observed_minutes,
        -- The market was observed in as many minutes as the pair that was observed in the most.
        max(observed_minutes) over (partition by source, hour_utc) as market_minutes
    from lake.fact_price_hour
    semi join meta.open_sector_hour using (source, hour_utc)
    where
        date >= $since::date
        and date <= $until::date
        and hour_utc >= $since
        and hour_utc < $until
        and observed_minutes > 0
),

-- Pairs that the metadata calls TRADING from the hour's start to its end. Before the first metadata nobody knows.
steady as (
    select
        price_hour.*,
        pair.base_currency_id,
        quote.code as quote_code
    from price_hour
    inner join core.pair on price_hour.pair_key = pair.pair_id and price_hour.hour_utc >= pair.first_seen_at
    inner join core.currency as quote on pair.quote_currency_id = quote.currency_id
    inner join meta.trading_span
        on
            price_hour.pair_key = trading_span.pair_key
            and price_hour.hour_utc >= trading_span.valid_from
            and price_hour.hour_utc + interval 1 hour <= trading_span.valid_to
    where price_hour.observed_minutes >= $least_observed * price_hour.market_minutes
),

-- By how much the quote currencies grew in USDT.
way as (
    select
        leg.source,
        leg.hour_utc,
        usdt_way.code as quote_code,
        arg_min(
            pow(leg.growth, usdt_way.exponent) * coalesce(pow(via.growth, usdt_way.via_exponent), 1),
            usdt_way.preference
        ) as growth,
        arg_min([leg.pair_key, via.pair_key], usdt_way.preference) as pair_keys
    from steady as leg
    inner join meta.usdt_way
        on
            leg.pair_key = usdt_way.pair_key
            and leg.hour_utc >= usdt_way.valid_from
            and leg.hour_utc + interval 1 hour <= usdt_way.valid_to
    left join steady as via
        on
            usdt_way.via_pair_key = via.pair_key
            and leg.source = via.source
            and leg.hour_utc = via.hour_utc
    where usdt_way.is_of_quote and (usdt_way.via_pair_key is null or via.pair_key is not null)
    group by leg.source, leg.hour_utc, usdt_way.code
),

-- A pair that is on the way from its own quote currency tells nothing of its own.
change_of_pair as (
    select
        steady.source,
        steady.hour_utc,
        steady.pair_key,
        steady.base_currency_id,
        steady.market_minutes,
        steady.growth * if(steady.quote_code = 'USDT', 1, way.growth) - 1 as change
    from steady
    left join way using (source, hour_utc, quote_code)
    where steady.quote_code = 'USDT' or not list_contains(way.pair_keys, steady.pair_key)
),

due as (
    select distinct hour_utc
    from price_hour
),

member as (
    select distinct
        due.hour_utc,
        category.provider,
        category.sector,
        currency_category.currency_id
    from due
    inner join core.currency_category
        on
            due.hour_utc >= currency_category.valid_from
            and coalesce(currency_category.valid_to, timestamp 'infinity') > due.hour_utc
    inner join core.category on currency_category.category_id = category.category_id
    where category.sector is not null
),

-- In order, so that the last digits of the means do not depend on how the rows lay.
collected as (
    select
        member.provider,
        member.sector,
        change_of_pair.hour_utc,
        change_of_pair.source,
        list(change_of_pair.change order by change_of_pair.change) as changes,
        count(*) as pair_count,
        count(distinct change_of_pair.base_currency_id) as currency_count,
        any_value(change_of_pair.market_minutes) as observed_minutes,
        arg_min(change_of_pair.pair_key, (change_of_pair.change, change_of_pair.pair_key)) as lowest_pair_key,
        arg_max(change_of_pair.pair_key, (change_of_pair.change, change_of_pair.pair_key)) as highest_pair_key
    from change_of_pair
    inner join member
        on
            change_of_pair.hour_utc = member.hour_utc
            and change_of_pair.base_currency_id = member.currency_id
    group by member.provider, member.sector, change_of_pair.hour_utc, change_of_pair.source
)

select
    provider,
    sector,
    date_key(hour_utc) as date_key,
    time_key(hour_utc) as time_key,
    hour_utc,
    source,
    if(
        pair_count < 3,
        list_avg(changes),
        list_avg(list_concat(changes[2:2], changes[2:-2], changes[-2:-2]))
    ) as change,
    list_avg(changes) as mean_change,
    list_median(changes) as median_change,
    pair_count,
    currency_count,
    observed_minutes,
    lowest_pair_key,
    highest_pair_key
from collected
order by hour_utc, source, provider, sector;

delete from meta.open_sector_hour
where hour_utc >= $since and hour_utc < $until;
