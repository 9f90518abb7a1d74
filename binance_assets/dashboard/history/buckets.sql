-- Of spans of $seconds from $since on those with a price, by their numbers, in no order. The average is that of an hour
-- or a day: of candles what was paid over what was traded, or the mean of the closes where nothing was; of samples
-- their mean; of both, each for as many minutes as it has. In fifteen digits, as in mart.fact_price_minute.
with bucket as (
    select
        (epoch_us(starts_at) - epoch_us($since)) // ($seconds::bigint * 1000000) as number,
        min(low) as low,
        max(high) as high,
        sum(candle_minutes) as candle_minutes,
        sum(sampled_minutes) as sampled_minutes,
        if(
            sum(quote_volume) > 0,
            sum(quote_volume) / sum(volume),
            sum(closes) / nullif(sum(candle_minutes), 0)
        ) as traded,
        sum(observed) / nullif(sum(observations), 0) as sampled,
        (
            coalesce(traded * sum(candle_minutes), 0) + coalesce(sampled * sum(sampled_minutes), 0)
        ) / sum(candle_minutes + sampled_minutes) as average
    from chosen
    group by number
)

select
    number,
    low,
    round(average, 14 - floor(log10(average))::integer) as average,
    high
from bucket
