-- Which coin of CoinMarketCap each currency is, by the rules of docs/categories.md; nothing is guessed. Made anew as a
-- whole: it is a function of the newest map, the newest listings, and the exchange's prices at the time of those.
create or replace temp table judged_currency as
with reviewed as (
    select
        code,
        coinmarketcap_id::integer as coinmarketcap_id,
        units_per_coin::integer as units_per_coin,
        reason
    from read_csv($reviewed, header = true, all_varchar = true)
    where
        coalesce(valid_from::timestamp, timestamp '-infinity') <= $described_at::timestamp
        and $described_at::timestamp < coalesce(valid_to::timestamp, timestamp 'infinity')
),

-- Money of states and leveraged tokens are no coins, and of some others the reviewed list says so.
subject as (
    select
        currency.currency_id,
        currency.code,
        reviewed.coinmarketcap_id as reviewed_id,
        reviewed.reason as reviewed_because,
        coalesce(reviewed.units_per_coin, 1) as units_per_coin,
        currency_price.price_usd
    from core.currency
    left join reviewed using (code)
    left join currency_price using (currency_id)
    where
        exists (from raw.coinmarketcap_coin)
        and currency.asset_type not in ('fiat', 'leveraged_token')
        and (reviewed.code is null or reviewed.coinmarketcap_id is not null)
),

candidate as (
    select
        subject.currency_id,
        coin.coinmarketcap_id,
        coin.rank,
        listing.price_usd as listed_usd,
        -- 0.05 is one of the two 5 % above the other. Without one of them it is empty (greatest leaves empty ones out).
        if(
            listing.price_usd is null or subject.price_usd is null,
            null,
            greatest(listing.price_usd * subject.units_per_coin, subject.price_usd)
            / least(listing.price_usd * subject.units_per_coin, subject.price_usd)
            - 1
        ) as apart
    from subject
    inner join raw.coinmarketcap_coin as coin
        on
            if(
                subject.reviewed_id is null,
                subject.code = coin.symbol and coin.is_active,
                subject.reviewed_id = coin.coinmarketcap_id
            )
    left join raw.coinmarketcap_listing as listing
        on coin.coinmarketcap_id = listing.coinmarketcap_id and listing.price_usd > 0
),

best as (
    select
        currency_id,
        count(*) as candidates,
        count_if(apart <= 0.05) as agreeing,
        min_by(
            struct_pack(coinmarketcap_id := coinmarketcap_id, listed_usd := listed_usd, apart := apart),
            (coalesce(rank, 2147483647), coinmarketcap_id)
        ) as coin
    from candidate
    group by currency_id
)

select
    subject.currency_id,
    subject.units_per_coin,
    best.coin.coinmarketcap_id,
    case
        when subject.reviewed_id is not null then 'override'
        when best.candidates = 1 then 'unique_symbol'
        else 'rank_and_price'
    end as method,
    case
        when subject.reviewed_id is not null and best.candidates is null
            then concat('the reviewed list says coin ', subject.reviewed_id, ', which the newest map does not have')
        when best.candidates is null then 'no active coin has this symbol'
        when subject.reviewed_id is not null then null
        when best.candidates = 1 and best.coin.apart > 0.2 then 'the only active coin has another price'
        when best.candidates = 1 then null
        when subject.price_usd is null then 'several active coins, and the exchange has no price of that time'
        when best.coin.apart is null then 'several active coins, and the best-ranked is listed without a price'
        when best.coin.apart > 0.05 then 'several active coins, and the best-ranked has another price'
        when best.agreeing > 1 then 'several active coins have the exchange''s price'
    end as doubt,
    case
        when subject.reviewed_id is not null and best.coin.apart <= 0.05 then 1
        when subject.reviewed_id is not null and best.coin.apart is null then 0.9
        when subject.reviewed_id is not null then 0.7
        when best.coin.apart is null then 0.7
        else 0.9
    end as confidence,
    concat(
        subject.code,
        ': ',
        case
            when subject.reviewed_id is not null then concat('reviewed (', subject.reviewed_because, ')')
            when best.candidates = 1 then 'the only active coin with this symbol'
            else concat('the best-ranked of ', best.candidates, ' active coins with this symbol')
        end,
        case
            when best.coin.apart is null then '; no prices to compare'
            else
                printf(
                    '; listed at %.6g USD, on the exchange at %.6g USDT',
                    best.coin.listed_usd * subject.units_per_coin,
                    subject.price_usd
                )
        end
    ) as evidence
from subject
left join best using (currency_id);

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
inner join raw.coinmarketcap_coin as coin on upper(coin.symbol) = upper(currency.code)
left join raw.coinmarketcap_listing as listing on coin.coinmarketcap_id = listing.coinmarketcap_id
qualify
    row_number() over (
        partition by coin.coinmarketcap_id order by coin.symbol = currency.code desc, currency.currency_id
    ) = 1
order by unmatched_currency.currency_id, coin.rank, coin.coinmarketcap_id;
