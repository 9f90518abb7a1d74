-- A hash of the ways to USDT that matter for each month: those over pairs that have files of it, while that lasts.
create or replace temp table month_usdt_ways as
with month_pair as (
    select distinct
        archive_file.month,
        pair.pair_id,
        (archive_file.month || '-01')::timestamp as since,
        since + interval 1 month as until
    from raw.archive_file
    inner join core.pair using (symbol)
    where archive_file.state = 'loaded'
),

way as (
    select
        month_pair.month,
        usdt_way.code,
        usdt_way.preference,
        usdt_way.path,
        greatest(usdt_way.valid_from, month_pair.since) as valid_from,
        least(usdt_way.valid_to, month_pair.until) as valid_to
    from meta.usdt_way
    inner join month_pair on usdt_way.pair_key = month_pair.pair_id
    left join month_pair as via on usdt_way.via_pair_key = via.pair_id and month_pair.month = via.month
    where
        usdt_way.is_of_quote
        and usdt_way.valid_from < month_pair.until
        and usdt_way.valid_to > month_pair.since
        and (usdt_way.via_pair_key is null or via.pair_id is not null)
)

select
    month,
    md5(
        string_agg(concat_ws('|', code, path, valid_from, valid_to), chr(10) order by code, preference, valid_from)
    ) as hash
from way
group by month;
