-- What should agree, and does it: in the due hours from $since up to $until, in the temporary table `due_hour`, from
-- their roll-ups. $reviewed is the file of what follows what.
delete from mart.fact_parity_hour
where
    hour_utc >= $since
    and hour_utc < $until
    and (source, hour_utc) in (select (source, hour_utc) from due_hour);

-- Means are only comparable over the same time: pairs that traded for the whole hour, and were observed in nearly all
-- of it. `step_bp` is what one step of a price's last decimal is of the price.
create or replace temp table traded as
select
    fact_price_hour.pair_key,
    base.code as base_code,
    quote.code as quote_code,
    fact_price_hour.source,
    fact_price_hour.hour_utc,
    fact_price_hour.average_price,
    10000 * 1e-8 / fact_price_hour.average_price as step_bp
from open.fact_price_hour
inner join meta.trading_span
    on
        fact_price_hour.pair_key = trading_span.pair_key
        and fact_price_hour.hour_utc >= trading_span.valid_from
        and fact_price_hour.hour_utc + interval 1 hour <= trading_span.valid_to
inner join core.pair on fact_price_hour.pair_key = pair.pair_id
inner join core.currency as base on pair.base_currency_id = base.currency_id
inner join core.currency as quote on pair.quote_currency_id = quote.currency_id
semi join due_hour
    on
        fact_price_hour.source = due_hour.source
        and fact_price_hour.hour_utc = due_hour.hour_utc
where
    fact_price_hour.hour_utc >= $since
    and fact_price_hour.hour_utc < $until
    and fact_price_hour.observed_minutes > 0
qualify
    fact_price_hour.observed_minutes
    >= 0.9 * max(fact_price_hour.observed_minutes) over (
        partition by fact_price_hour.source, fact_price_hour.hour_utc
    );

-- What each currency was worth, by the most preferred way.
create or replace temp table worth as
with way as (
    select
        usdt_way.code,
        traded.source,
        traded.hour_utc,
        usdt_way.path,
        usdt_way.pair_key,
        usdt_way.via_pair_key,
        pow(traded.average_price, usdt_way.exponent)
        * coalesce(pow(via.average_price, usdt_way.via_exponent), 1) as usdt,
        traded.step_bp + coalesce(via.step_bp, 0) as step_bp
    from traded
    inner join meta.usdt_way
        on
            traded.pair_key = usdt_way.pair_key
            and traded.hour_utc >= usdt_way.valid_from
            and traded.hour_utc < usdt_way.valid_to
    left join traded as via
        on
            usdt_way.via_pair_key = via.pair_key
            and traded.source = via.source
            and traded.hour_utc = via.hour_utc
    where usdt_way.via_pair_key is null or via.pair_key is not null
    qualify
        row_number() over (
            partition by usdt_way.code, traded.source, traded.hour_utc order by usdt_way.preference
        ) = 1
)

from way
union all by name
select distinct
    'USDT' as code,
    source,
    hour_utc,
    'USDT' as path,
    1 as usdt,
    0 as step_bp
from traded;

insert into mart.fact_parity_hour by name
with reviewed as (
    select
        code,
        follows,
        kind,
        threshold_bp::double as threshold_bp
    from read_csv($reviewed, header = true, all_varchar = true)
),

compared as (
    select
        worth.pair_key,
        worth.source,
        worth.hour_utc,
        reviewed.kind,
        worth.code,
        followed.code as follows_code,
        worth.usdt / followed.usdt as price,
        if(reviewed.threshold_bp is null, null, 1) as expected_price,
        reviewed.threshold_bp + worth.step_bp + followed.step_bp as threshold_bp,
        worth.path as usdt_path,
        followed.path as follows_usdt_path
    from reviewed
    inner join worth using (code)
    inner join worth as followed
        on
            reviewed.follows = followed.code
            and worth.source = followed.source
            and worth.hour_utc = followed.hour_utc
    union all by name
    -- A pair that is itself on the way from its base or its quote is not compared with itself.
    select
        traded.pair_key,
        traded.source,
        traded.hour_utc,
        'cross' as kind,
        traded.base_code as code,
        traded.quote_code as follows_code,
        traded.average_price as price,
        base.usdt / quote.usdt as expected_price,
        (select reviewed.threshold_bp from reviewed where reviewed.kind = 'cross')
        + traded.step_bp + base.step_bp + quote.step_bp as threshold_bp,
        base.path as usdt_path,
        quote.path as follows_usdt_path
    from traded
    inner join worth as base
        on
            traded.base_code = base.code
            and traded.source = base.source
            and traded.hour_utc = base.hour_utc
    inner join worth as quote
        on
            traded.quote_code = quote.code
            and traded.source = quote.source
            and traded.hour_utc = quote.hour_utc
    where
        'USDT' not in (traded.base_code, traded.quote_code)
        and traded.pair_key not in (base.pair_key, quote.pair_key)
        and traded.pair_key <> coalesce(base.via_pair_key, 0)
        and traded.pair_key <> coalesce(quote.via_pair_key, 0)
)

select
    *,
    date_key(hour_utc) as date_key,
    time_key(hour_utc) as time_key,
    10000 * (price / expected_price - 1) as deviation_bp,
    abs(10000 * (price / expected_price - 1)) > threshold_bp as is_beyond
from compared
order by hour_utc, kind, pair_key;
