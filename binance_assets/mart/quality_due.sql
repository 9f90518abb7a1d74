-- Pairs and days whose quality is to be measured: the day is over, by what was landed since, and the candles that were
-- landed of its month are put together.
create or replace temp table due_quality as
select
    date_utc,
    pair_key
from meta.open_quality_day
where
    date_utc + interval 1 day <= greatest(
        (select landed_at from meta.progress where model = 'raw'),
        (select max(retrieved_at) from raw.archive_file)
    )
    and not exists (
        from meta.open_kline_month
        where
            open_kline_month.month = strftime(open_quality_day.date_utc, '%Y-%m')
            and open_quality_day.pair_key in (0, open_kline_month.pair_id)
    );
