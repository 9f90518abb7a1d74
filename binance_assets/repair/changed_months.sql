-- Months whose candles, or what the API has said of them, are others than those that meta.candle_gap was made of.
with looked_at as (
    select
        coalesce(kline_month.month, refused.month) as month,
        kline_month.partition,
        refused.files
    from meta.kline_month
    full join (
        select
            month,
            count(*) as files
        from raw.archive_file
        where state = 'refused'
        group by month
    ) as refused on kline_month.month = refused.month
),

made_of as (
    select
        looked_at.month,
        concat_ws(' ', looked_at.partition, count(kline_answer.capture_id), looked_at.files) as made_of
    from looked_at
    left join meta.kline_answer
        on
            kline_answer.from_utc < (looked_at.month || '-01')::timestamp + interval 1 month
            and kline_answer.to_utc > (looked_at.month || '-01')::timestamp
    group by looked_at.month, looked_at.partition, looked_at.files
)

select
    month,
    made_of.made_of
from made_of
left join meta.candle_gap_month using (month)
where made_of.made_of is distinct from candle_gap_month.made_of
order by month
