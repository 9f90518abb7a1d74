-- Months whose candles, or what the API has said of them, are others than those that meta.candle_gap was made of.
with made_of as (
    select
        kline_month.month,
        concat(kline_month.partition, ' ', count(kline_answer.capture_id)) as made_of
    from meta.kline_month
    left join meta.kline_answer
        on
            kline_answer.from_utc < (kline_month.month || '-01')::timestamp + interval 1 month
            and kline_answer.to_utc > (kline_month.month || '-01')::timestamp
    group by kline_month.month, kline_month.partition
)

select
    month,
    made_of.made_of
from made_of
left join meta.candle_gap_month using (month)
where made_of.made_of is distinct from candle_gap_month.made_of
order by month
