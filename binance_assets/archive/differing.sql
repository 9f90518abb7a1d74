-- Where the monthly file of a pair and a daily one do not say the same of a minute.
insert into defect by name
with counting as (
    select *
    from file
    anti join refusal using (file_key)
    anti join superseded using (file_key)
),

compared as (
    select
        monthly.file_key as monthly_key,
        daily.file_key as daily_key,
        unnest([monthly.file_key, daily.file_key]) as file_key,
        daily.file,
        daily.since,
        daily.until
    from counting as monthly
    inner join counting as daily using (pair_id)
    where monthly.scope = 'monthly' and daily.scope = 'daily'
),

minute as (
    select
        compared.monthly_key,
        compared.file,
        candle.open_at,
        bool_or(candle.file_key = compared.monthly_key) as is_in_monthly,
        bool_or(candle.file_key = compared.daily_key) as is_in_daily,
        count(distinct row(
            candle.open_price, candle.high_price, candle.low_price, candle.close_price, candle.volume,
            candle.quote_volume, candle.trade_count, candle.taker_buy_volume, candle.taker_buy_quote_volume
        )) > 1 as is_said_differently
    from compared
    inner join candle using (file_key)
    where candle.open_at >= compared.since and candle.open_at < compared.until
    group by compared.monthly_key, compared.file, candle.open_at
)

select
    monthly_key as file_key,
    'monthly_differs_from_daily' as kind,
    min(open_at) as from_utc,
    max(open_at) + interval 1 minute as to_utc,
    count(*) as affected_count,
    concat(
        count(*) filter (where is_said_differently), ' minutes with other values, ',
        count(*) filter (where not is_in_monthly), ' only in the daily file, ',
        count(*) filter (where not is_in_daily), ' only in the monthly one; the daily file is ', file
    ) as detail
from minute
where is_said_differently or not is_in_monthly or not is_in_daily
group by monthly_key, file;
