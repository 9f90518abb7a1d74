-- Gaps of the sampling that ended before $settled_at, of which nothing is said yet by the candles that count now, and
-- of the pairs that are to be repaired now; each with its minutes, also those that it has only a part of.
create or replace temp table due_gap as
with ended as (
    select
        pair_key,
        from_utc,
        to_utc,
        date_trunc('minute', from_utc) as since,
        date_trunc('minute', to_utc - interval 1 microsecond) + interval 1 minute as until
    from meta.sampling_gap
    where is_repairable(cause) and to_utc is not null
),

target as (
    select concat(' ', md5(list(pair_id order by pair_id)::varchar)) as hash
    from repair_target
),

looked_up as (
    select
        ended.pair_key,
        ended.from_utc,
        ended.to_utc,
        ended.since,
        ended.until,
        strftime(ended.since, '%Y-%m') as first_month,
        strftime(ended.until - interval 1 minute, '%Y-%m') as last_month,
        concat(
            string_agg(kline_month.partition, ' ' order by kline_month.month),
            any_value(target.hash)
        ) as made_of
    from ended
    left join target on ended.pair_key is null
    left join meta.kline_month
        on kline_month.month between strftime(ended.since, '%Y-%m') and strftime(ended.until, '%Y-%m')
    where ended.until <= $settled_at
    group by ended.pair_key, ended.from_utc, ended.to_utc, ended.since, ended.until
)

select looked_up.*
from looked_up
left join meta.gap_repair
    on
        looked_up.from_utc = gap_repair.from_utc
        and looked_up.to_utc = gap_repair.to_utc
        and looked_up.pair_key is not distinct from gap_repair.pair_key
where looked_up.made_of is distinct from gap_repair.made_of;

insert into gap_changed
select from_utc
from due_gap;

-- What was said of them goes; of gaps that there are no longer, too.
delete from meta.gap_repair
where
    exists (
        from due_gap
        where due_gap.from_utc = gap_repair.from_utc and due_gap.pair_key is not distinct from gap_repair.pair_key
    )
    or not exists (
        from meta.sampling_gap
        where
            sampling_gap.from_utc = gap_repair.from_utc
            and sampling_gap.to_utc = gap_repair.to_utc
            and sampling_gap.pair_key is not distinct from gap_repair.pair_key
    );
