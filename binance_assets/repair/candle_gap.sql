-- The gaps of a month's candles, made anew from the temporary table `absent_minute`.
insert into gap_changed
select from_utc
from meta.candle_gap
where month = $month
union
select from_utc
from absent_minute;

delete from meta.candle_gap
where month = $month;

insert into meta.candle_gap by name
with harm as (
    select
        archive_file.symbol,
        archive_defect.kind,
        archive_file.scope,
        coalesce(archive_defect.from_utc, archive_file.first_day) as from_utc,
        coalesce(
            archive_defect.to_utc,
            archive_file.first_day + if(archive_file.scope = 'monthly', interval 1 month, interval 1 day)
        ) as to_utc
    from raw.archive_defect
    inner join raw.archive_file using (file)
    where
        archive_file.month = $month
        and archive_file.state in ('loaded', 'refused')
        -- What these kinds tell of is loaded, or is just what is looked for here.
        and archive_defect.kind not in (
            'absent', 'late_start', 'cut_end', 'monthly_differs_from_daily', 'closes_early', 'header', 'out_of_order',
            'repeated'
        )
),

pair_gap as (
    select
        absent_minute.pair_id,
        absent_minute.from_utc,
        absent_minute.to_utc,
        any_value(pair.symbol) as symbol,
        coalesce(any_value(absent_minute.covering_pairs) = 0, false) as is_refused,
        string_agg(distinct harm.kind || ' in the ' || harm.scope || ' file', ', ') as harm,
        coalesce(
            bool_or(answered.from_utc <= absent_minute.from_utc and answered.to_utc >= absent_minute.to_utc), false
        ) as was_asked
    from absent_minute
    inner join core.pair using (pair_id)
    left join harm
        on
            pair.symbol = harm.symbol
            and absent_minute.from_utc < harm.to_utc
            and absent_minute.to_utc > harm.from_utc
    left join answered
        on
            absent_minute.pair_id = answered.pair_id
            and absent_minute.from_utc < answered.to_utc
            and absent_minute.to_utc > answered.from_utc
    group by absent_minute.pair_id, absent_minute.from_utc, absent_minute.to_utc
)

select
    $month as month,
    pair_id as pair_key,
    from_utc,
    to_utc,
    if(harm is null, 'unresolved', 'archive_defect') as cause,
    concat(
        'the archive has no candle of ', symbol, if(is_refused, ': the file is refused', ', and has of others'),
        if(was_asked, '; the API has none either', ''),
        '; ' || harm
    ) as evidence
from pair_gap
union all by name
select
    $month as month,
    from_utc,
    to_utc,
    'exchange_outage' as cause,
    concat('the archive has no candle of any of the ', covering_pairs, ' pairs whose files span the time') as evidence
from absent_minute
where pair_id is null;

insert or replace into meta.candle_gap_month by name
select
    $month as month,
    $made_of as made_of;
