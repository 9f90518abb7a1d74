-- What the candles say of the gap that gap_candles.sql has looked at, all of whose minutes are known.
insert into meta.gap_repair by name
with absent_minute as (
    select
        open_at,
        count(*) as pairs
    from repair_absence
    group by open_at
),

absent as (
    select
        count(*) filter (where pairs = (select count(*) from repair_pair)) as of_all,
        coalesce(sum(pairs) filter (where pairs < (select count(*) from repair_pair)), 0)::bigint as of_some
    from absent_minute
),

lacking as (
    select count(distinct repair_absence.pair_id) as pairs
    from repair_absence
    inner join absent_minute using (open_at)
    where absent_minute.pairs < (select count(*) from repair_pair)
),

evidence as (
    select
        repair_candle.is_traded,
        repair_candle.source,
        coalesce(archive_file.retrieved_at, kline_answer.answered_at) as came_at
    from repair_candle
    left join raw.archive_file on repair_candle.file_key = archive_file.file_key
    left join raw.rest_kline
        on
            repair_candle.source = 'rest'
            and repair_candle.pair_id = rest_kline.pair_id
            and repair_candle.open_at = rest_kline.open_at
    left join meta.kline_answer on rest_kline.capture_id = kline_answer.capture_id
),

candle as (
    select
        count(*) filter (where is_traded) as traded,
        count(*) filter (where not is_traded) as silent,
        max(came_at) filter (where is_traded) as came_at,
        coalesce(bool_and(source = 'archive') filter (where is_traded), false) as is_archived
    from evidence
),

trading as (
    select count(distinct pair_key) as pairs
    from meta.trading_span
    where valid_from <= $since and valid_to >= $until
),

whole as (
    select
        (select count(*) from repair_pair) as pairs,
        (select trading.pairs from trading) as trading_pairs,
        date_diff('minute', $since, $until) as minutes,
        candle.traded,
        candle.silent,
        candle.came_at,
        candle.is_archived,
        absent.of_all,
        absent.of_some,
        lacking.pairs as lacking_pairs,
        candle.traded > 0 and ($pair_key is null or absent.of_all = 0) as is_repaired
    from candle
    cross join absent
    cross join lacking
)

select
    $pair_key::integer as pair_key,
    $from_utc as from_utc,
    $to_utc as to_utc,
    case
        when $pair_key is null and pairs > 0 and of_all = minutes then 'exchange_outage'
        when traded = 0 and silent > 0 and of_all + of_some = 0 then 'no_trades'
    end as cause,
    case
        when pairs = 0 then 'No pair that is to be repaired was trading'
        when $pair_key is null
            then concat(
                pairs - if(traded > 0, lacking_pairs, pairs), ' of ', pairs, ' pairs repaired, ',
                greatest(trading_pairs - pairs, 0), ' not asked',
                if(of_all > 0, concat('; of ', of_all, ' of ', minutes, ' minutes no pair has a candle'), ''),
                if(silent > 0, concat('; in ', silent, ' minutes of pairs nothing was traded'), ''),
                if(
                    of_some > 0,
                    concat('; ', lacking_pairs, ' pairs have no candle of ', of_some, ' minutes that others have'),
                    ''
                )
            )
        else concat(
            traded, ' of ', minutes, ' minutes have a candle with trades',
            if(silent > 0, concat('; in ', silent, ' nothing was traded'), ''),
            if(of_all > 0, concat('; of ', of_all, ' the exchange has no candle'), '')
        )
    end as finding,
    if(is_repaired, came_at, null) as repaired_at,
    if(is_repaired, if(is_archived, 'archive', 'rest'), null) as repaired_from,
    $made_of as made_of
from whole
-- As long as none of the pairs is known, there is nothing to be said.
where exists (from repair_target) or $pair_key is not null
