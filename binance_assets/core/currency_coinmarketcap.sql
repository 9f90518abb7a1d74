-- Which coin of CoinMarketCap each currency is, by the rules of docs/categories.md; nothing is guessed. Made anew as a
-- whole: it is a function of the newest map, and of the newest listings at which both had a price. $newest_at is when
-- the newest of all listings came.

-- The newest map that counts: a coin that neither it nor a later one names is gone. A map with fewer than
-- $least_percent % of the coins of the map just before it is more likely a failure than a fact; a second one that is as
-- short is believed.
create or replace temp table newest_map as
with judged as (
    select
        listed_at,
        is_list
        and 100 * coins >= $least_percent * coalesce(
            lag(if(is_list, coins, null) ignore nulls) over (order by listed_at, capture_id), 0
        ) as does_count
    from meta.coin_map
)

select coalesce(max(listed_at) filter (where does_count), timestamp '-infinity') as listed_at
from judged;

-- A refused row is no absence of the coin that it names.
create or replace temp table known_coin as
with refused as (
    select distinct refused_coin.coinmarketcap_id
    from meta.refused_coin
    inner join newest_map on refused_coin.listed_at >= newest_map.listed_at
    where refused_coin.coinmarketcap_id is not null
)

select
    coin.coinmarketcap_id,
    coin.symbol,
    coin.name,
    coin.rank,
    coin.is_active
    and (coin.listed_at >= newest_map.listed_at or refused.coinmarketcap_id is not null) as is_active
from raw.coinmarketcap_coin as coin
cross join newest_map
left join refused using (coinmarketcap_id);

-- Symbols that may be those of one more coin than is known.
create or replace temp table doubtful_symbol as
select distinct refused_coin.symbol
from meta.refused_coin
inner join newest_map on refused_coin.listed_at >= newest_map.listed_at
left join known_coin using (coinmarketcap_id)
where refused_coin.symbol is not null and known_coin.coinmarketcap_id is null;

create or replace temp table judged_currency as
with agreement as (
    select
        subject.currency_id,
        comparison.coinmarketcap_id,
        count(*) as comparisons,
        -- 0.05 is one of the two 5 % above the other. Of two in the middle it is the lower.
        quantile_disc(
            greatest(comparison.listed_usd * subject.units_per_coin, comparison.price_usd)
            / least(comparison.listed_usd * subject.units_per_coin, comparison.price_usd)
            - 1,
            0.5
        ) as apart,
        max(comparison.listed_at) as compared_at,
        max_by(comparison.listed_usd * subject.units_per_coin, comparison.listed_at) as listed_usd,
        max_by(comparison.price_usd, comparison.listed_at) as price_usd
    from subject_currency as subject
    inner join meta.coin_comparison as comparison using (currency_id)
    group by subject.currency_id, comparison.coinmarketcap_id
),

candidate as (
    select
        coin_candidate.currency_id,
        coin_candidate.coinmarketcap_id,
        coin.symbol,
        coin.rank,
        -- One that has another symbol now is as good as gone.
        coin.is_active and (subject.reviewed_id is not null or coin.symbol = subject.code) as is_active,
        listing.coinmarketcap_id is not null as is_listed,
        agreement.* exclude (currency_id, coinmarketcap_id)
    from meta.coin_candidate
    inner join subject_currency as subject using (currency_id)
    inner join known_coin as coin using (coinmarketcap_id)
    left join raw.coinmarketcap_listing as listing
        on
            coin_candidate.coinmarketcap_id = listing.coinmarketcap_id
            and listing.listed_at = $newest_at::timestamp
    left join agreement using (currency_id, coinmarketcap_id)
),

best as (
    select
        *,
        count(*) over (partition by currency_id, is_active) as candidates,
        count_if(apart <= 0.05) over (partition by currency_id, is_active) as agreeing,
        count_if(apart <= 0.05) over (partition by currency_id) as agreeing_of_all
    from candidate
    qualify
        row_number() over (
            partition by currency_id, is_active
            order by is_active or coalesce(apart > 0.05, true), rank nulls last, coinmarketcap_id
        ) = 1
),

verdict as (
    select
        subject.*,
        best.* exclude (currency_id),
        case
            when subject.reviewed_id is not null and best.candidates is null
                then concat('the reviewed list says coin ', subject.reviewed_id, ', which no map has had')
            when subject.reviewed_id is not null and best.candidates is not null then null
            -- A coin that is gone has to be the one coin that has the price; its rank is of long ago, and says nothing.
            when best.apart <= 0.05 and best.agreeing_of_all = 1 and (not best.is_active or best.candidates = 1)
                then null
            when doubtful_symbol.symbol is not null and (best.candidates = 1 or not coalesce(best.is_active, false))
                then 'a row of the newest map with this symbol was refused'
            when not coalesce(best.is_active, false) then 'no active coin has this symbol'
            -- Next to one that is gone and has the price, it is not enough to be near it.
            when best.candidates = 1 and best.apart > if(best.agreeing_of_all > 0, 0.05, 0.2)
                then 'the only active coin has another price'
            when best.candidates = 1 then null
            when best.rank is null then 'several active coins, and none has a rank'
            when best.apart > 0.05 then 'several active coins, and the best-ranked has another price'
            when best.apart is not null and best.agreeing > 1
                then 'several active coins have the exchange''s price'
            when best.apart is not null then null
            when
                subject.currency_id in (
                    select currency_id
                    from meta.compared_price
                    where listed_at = $newest_at::timestamp
                )
                then 'several active coins, and the best-ranked is listed without a price'
            else 'several active coins, and the exchange has no price of that time'
        end as doubt
    from subject_currency as subject
    left join best using (currency_id)
    left join doubtful_symbol on subject.code = doubtful_symbol.symbol
)

-- An active coin with the price goes before one that is gone, and that before an active one of which no price is known.
select
    currency_id,
    units_per_coin,
    coinmarketcap_id,
    case
        when reviewed_id is not null then 'override'
        when candidates = 1 then 'unique_symbol'
        else 'rank_and_price'
    end as method,
    doubt,
    case
        when reviewed_id is not null and apart <= 0.05 then 1
        when reviewed_id is not null and apart is null then 0.9
        when reviewed_id is not null then 0.7
        -- A coin that is not listed any more keeps what was compared last, whatever the code has become since.
        when apart is null or not is_listed then 0.7
        else 0.9
    end as confidence,
    concat(
        code,
        ': ',
        case
            when reviewed_id is not null then concat('reviewed (', reviewed_because, ')')
            when is_active and candidates = 1 then 'the only active coin with this symbol'
            when is_active then concat('the best-ranked of ', candidates, ' active coins with this symbol')
            when symbol <> code then concat('a coin that had this symbol before it was called ', symbol)
            when candidates = 1 then 'a coin with this symbol that is not active any more'
            else concat('the one of ', candidates, ' coins with this symbol that are not active any more')
        end,
        case
            when apart is null then '; no prices to compare'
            else
                printf(
                    '; median of %d %s %.1f %% apart, the newest, of %s, at %.6g USD, on the exchange at %.6g USDT',
                    comparisons,
                    if(comparisons = 1, 'listing', 'listings'),
                    100 * apart,
                    compared_at::date::varchar,
                    listed_usd,
                    price_usd
                )
        end
    ) as evidence
from verdict
qualify
    row_number() over (
        partition by currency_id
        order by doubt is not null, if(doubt is null, apart is null, false), not is_active
    ) = 1;

delete from core.currency_coinmarketcap;

insert into core.currency_coinmarketcap by name
select
    currency_id,
    coinmarketcap_id,
    method,
    confidence,
    evidence,
    units_per_coin
from judged_currency
where doubt is null
order by currency_id;

delete from core.unmatched_currency_candidate;

delete from core.unmatched_currency;

insert into core.unmatched_currency by name
select
    currency_id,
    doubt as reason
from judged_currency
where doubt is not null
order by currency_id;

-- For those who review them also coins that are not active, and whose symbol differs in case; a coin is a candidate of
-- one currency, of that which has its very symbol before all others.
insert into core.unmatched_currency_candidate by name
select
    coin.coinmarketcap_id,
    unmatched_currency.currency_id,
    coin.name,
    coin.rank,
    coin.is_active,
    listing.price_usd
from core.unmatched_currency
inner join core.currency using (currency_id)
inner join known_coin as coin on upper(coin.symbol) = upper(currency.code)
left join raw.coinmarketcap_listing as listing
    on
        coin.coinmarketcap_id = listing.coinmarketcap_id
        and listing.listed_at = $newest_at::timestamp
qualify
    row_number() over (
        partition by coin.coinmarketcap_id order by coin.symbol = currency.code desc, currency.currency_id
    ) = 1
order by unmatched_currency.currency_id, coin.rank, coin.coinmarketcap_id;
