-- What waits for candles, as a hash: null if nothing does.
select md5(string_agg(concat_ws(' ', pair_key, from_utc, to_utc), chr(10) order by from_utc, pair_key))
from (
    select
        sampling_gap.pair_key,
        sampling_gap.from_utc,
        sampling_gap.to_utc
    from meta.sampling_gap
    left join meta.gap_repair
        on
            sampling_gap.from_utc = gap_repair.from_utc
            and sampling_gap.to_utc = gap_repair.to_utc
            and sampling_gap.pair_key is not distinct from gap_repair.pair_key
    where
        is_repairable(sampling_gap.cause)
        and sampling_gap.to_utc <= $settled_at
        and gap_repair.from_utc is null
    union all by name
    select
        candle_gap.pair_key,
        candle_gap.from_utc,
        candle_gap.to_utc
    from meta.candle_gap
    where
        candle_gap.pair_key in (select pair_id from core.pair_history where valid_to is null)
        and not exists (
            from meta.kline_answer
            where
                kline_answer.pair_id = candle_gap.pair_key
                and kline_answer.from_utc < candle_gap.to_utc
                and kline_answer.to_utc > candle_gap.from_utc
        )
) as waiting
