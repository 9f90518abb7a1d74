-- Which coins each currency may be: those that have or had its very symbol, or the one that the reviewed list says. The
-- listings of coins that are new here are looked through, for the newest $comparisons at which both had a price; the
-- others have been followed listing by listing.
create or replace temp table subject_currency as
with described as (
    select max(received_at) as described_at
    from open.capture
    where endpoint = 'exchangeInfo'
),

reviewed as (
    select
        listed.code,
        listed.coinmarketcap_id::integer as coinmarketcap_id,
        listed.units_per_coin::integer as units_per_coin,
        listed.reason
    from read_csv($reviewed, header = true, all_varchar = true) as listed
    inner join described
        on
            coalesce(listed.valid_from::timestamp, timestamp '-infinity') <= described.described_at
            and described.described_at < coalesce(listed.valid_to::timestamp, timestamp 'infinity')
)

-- Money of states and leveraged tokens are no coins, and of some others the reviewed list says so.
select
    currency.currency_id,
    currency.code,
    reviewed.coinmarketcap_id as reviewed_id,
    reviewed.reason as reviewed_because,
    coalesce(reviewed.units_per_coin, 1) as units_per_coin
from core.currency
left join reviewed using (code)
where
    exists (from raw.coinmarketcap_coin)
    and currency.asset_type not in ('fiat', 'leveraged_token')
    and (reviewed.code is null or reviewed.coinmarketcap_id is not null);

create or replace temp table found_candidate as
select distinct
    subject.currency_id,
    coin.coinmarketcap_id
from subject_currency as subject
inner join meta.coin_symbol as coin
    on if(subject.reviewed_id is null, subject.code = coin.symbol, subject.reviewed_id = coin.coinmarketcap_id);

create or replace temp table new_candidate as
from found_candidate
anti join meta.coin_candidate using (currency_id, coinmarketcap_id);

delete from meta.coin_candidate
where (currency_id, coinmarketcap_id) not in (select (currency_id, coinmarketcap_id) from found_candidate);

delete from meta.coin_comparison
where (currency_id, coinmarketcap_id) not in (select (currency_id, coinmarketcap_id) from meta.coin_candidate);

insert into meta.coin_comparison by name
select
    new_candidate.currency_id,
    new_candidate.coinmarketcap_id,
    listing.listed_at,
    compared_price.price_usd,
    listing.price_usd as listed_usd
from new_candidate
inner join raw.coinmarketcap_listing as listing using (coinmarketcap_id)
inner join meta.compared_price
    on new_candidate.currency_id = compared_price.currency_id and listing.listed_at = compared_price.listed_at
where listing.price_usd > 0
qualify
    row_number() over (
        partition by new_candidate.currency_id, new_candidate.coinmarketcap_id order by listing.listed_at desc
    ) <= $comparisons
order by new_candidate.currency_id, new_candidate.coinmarketcap_id, listing.listed_at;

insert into meta.coin_candidate by name
select *
from new_candidate
order by currency_id, coinmarketcap_id;
