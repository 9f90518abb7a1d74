-- Which pairs are measured on the due days from $since up to $until, and the gaps of the ledger that reach into these.
-- One that lasts does so for as long as there was sampling: nobody can say of later days before it has ended.
create or replace temp table quality_gap as
with known as (
    select
        *,
        coalesce(
            to_utc, (select max(date_utc) + interval 1 day from mart.fact_price_day where source in ('live', 'sandbox'))
        ) as known_until
    from mart.gap
)

select
    day.date_utc,
    gap.pair_key,
    gap.source,
    gap.from_utc,
    greatest(gap.from_utc, day.date_utc) as since_at,
    least(gap.known_until, day.date_utc + interval 1 day) as until_at,
    case
        when gap.cause = 'not_trading' then 'not_trading'
        when gap.cause = 'unresolved' and gap.repaired_at is null then 'unexplained'
        else 'explained'
    end as kind,
    gap.source <> 'archive' and coalesce(gap.to_utc, timestamp 'infinity') > gap.from_utc + $reach as is_long_silence
from known as gap
inner join (
    select distinct date_utc
    from due_quality
    where date_utc >= $since and date_utc < $until
) as day
    on
        gap.from_utc < day.date_utc + interval 1 day
        and gap.known_until > day.date_utc;

-- Those of which something is there, if only a candle of an hour or of the day; those that are missing; and on a day on
-- which the whole market is missing, those that were there when that began.
create or replace temp table quality_pair as
with found as (
    select
        pair_key,
        date_utc
    from mart.fact_price_day
    where date_utc >= $since and date_utc < $until
    union
    select
        pair_id as pair_key,
        open_at::date as date_utc
    from raw.long_kline
    where open_at >= $since and open_at < $until
    union
    select
        pair_key,
        date_utc
    from quality_gap
    where pair_key is not null
    union
    select
        fact_price_day.pair_key,
        quality_gap.date_utc
    from quality_gap
    inner join mart.fact_price_day
        on
            (quality_gap.from_utc - interval 1 microsecond)::date = fact_price_day.date_utc
            and (quality_gap.source = 'archive') = (fact_price_day.source in ('archive', 'rest'))
    where quality_gap.pair_key is null
)

select
    found.pair_key,
    found.date_utc
from found
where (found.date_utc, found.pair_key) in (from due_quality) or (found.date_utc, 0) in (from due_quality);
