-- The listings of $at are compared with the exchange's prices of that time, in the temporary table currency_price: for
-- the coins that each currency is known to be maybe. The others follow in core/coin_candidate.sql.
delete from meta.compared_price
where listed_at = $at::timestamp;

insert into meta.compared_price by name
select
    $at::timestamp as listed_at,
    currency_id,
    price_usd
from currency_price
order by currency_id;

create or replace temp table compared_coin as
select
    coin_candidate.currency_id,
    coin_candidate.coinmarketcap_id,
    listing.listed_at,
    currency_price.price_usd,
    listing.price_usd as listed_usd
from meta.coin_candidate
inner join currency_price using (currency_id)
inner join raw.coinmarketcap_listing as listing
    on coin_candidate.coinmarketcap_id = listing.coinmarketcap_id
where listing.listed_at = $at::timestamp and listing.price_usd > 0;

-- What there is nothing to compare of any more gives its place to an older comparison: such coins are looked at anew.
delete from meta.coin_candidate
using meta.coin_comparison as lost
where
    lost.listed_at = $at::timestamp
    and coin_candidate.currency_id = lost.currency_id
    and coin_candidate.coinmarketcap_id = lost.coinmarketcap_id
    and (lost.currency_id, lost.coinmarketcap_id) not in (select (currency_id, coinmarketcap_id) from compared_coin);

delete from meta.coin_comparison
where listed_at = $at::timestamp;

insert into meta.coin_comparison by name
select *
from compared_coin
order by currency_id, coinmarketcap_id;

delete from meta.coin_comparison
where
    (currency_id, coinmarketcap_id, listed_at) in (
        select (currency_id, coinmarketcap_id, listed_at)
        from meta.coin_comparison
        qualify
            row_number() over (partition by currency_id, coinmarketcap_id order by listed_at desc) > $comparisons
    );

update meta.coin_listing
set is_open = false
where listed_at = $at::timestamp
