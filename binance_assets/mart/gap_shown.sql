-- The rows of the ledger that begin at the instants in gap_changed: the gaps of the sampling, with what candles say of
-- them, and those of the archive.
create or replace temp table gap_shown as
select
    sampling_gap.pair_key,
    warehouse.source,
    sampling_gap.from_utc,
    sampling_gap.to_utc,
    coalesce(gap_repair.cause, sampling_gap.cause) as cause,
    concat_ws('. ', sampling_gap.evidence, gap_repair.finding) as evidence,
    gap_repair.repaired_at,
    gap_repair.repaired_from
from meta.sampling_gap
cross join meta.warehouse
left join meta.gap_repair
    on
        sampling_gap.from_utc = gap_repair.from_utc
        and sampling_gap.to_utc = gap_repair.to_utc
        and sampling_gap.pair_key is not distinct from gap_repair.pair_key
        and is_repairable(sampling_gap.cause)
where sampling_gap.from_utc in (select from_utc from gap_changed)
union all by name
select
    pair_key,
    'archive' as source,
    from_utc,
    to_utc,
    cause,
    evidence
from meta.candle_gap
where from_utc in (select from_utc from gap_changed);

create or replace temp table gap_known as
select
    pair_key,
    source,
    from_utc,
    to_utc,
    cause,
    evidence,
    repaired_at,
    repaired_from
from mart.gap
where from_utc in (select from_utc from gap_changed);

create or replace temp table gap_outdated as
from gap_known
except
from gap_shown;

delete from mart.gap
using gap_outdated
where
    gap.from_utc = gap_outdated.from_utc
    and gap.source = gap_outdated.source
    and gap.pair_key is not distinct from gap_outdated.pair_key;

create or replace temp table gap_new as
from gap_shown
except
from gap_known;

insert into mart.gap by name
select *
from gap_new
order by from_utc, source, pair_key;

-- The days in these that are over: a running one is measured when it is. Of a gap that lasts, those that were sampled
-- all the same: if it is one of the whole market, nobody can say of the others before it has ended.
insert or ignore into meta.open_quality_day by name
with changed as (
    from gap_outdated
    union all
    from gap_new
),

progress as (
    select
        greatest(
            (select landed_at from meta.progress where model = 'raw'),
            (select max(retrieved_at) from raw.archive_file)
        ) as landed_at,
        (
            select max(date_utc) + interval 1 day
            from mart.fact_price_day
            where source in ('live', 'sandbox')
        ) as sampled_until
)

select distinct
    unnest(
        generate_series(
            changed.from_utc::date::timestamp,
            least(
                coalesce(changed.to_utc, progress.sampled_until) - interval 1 microsecond,
                progress.landed_at - interval 1 day
            ),
            interval 1 day
        )
    )::date as date_utc,
    coalesce(changed.pair_key, 0) as pair_key
from changed
cross join progress;
