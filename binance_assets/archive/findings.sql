-- The good lines of the file that was looked at, in order of time; and what is wrong, or odd, in the others.
insert into candle by name
select
    file.file_key,
    file.pair_id,
    line.open_at,
    line.open_price,
    line.high_price,
    line.low_price,
    line.close_price,
    line.volume,
    line.quote_volume,
    line.trade_count,
    line.taker_buy_volume,
    line.taker_buy_quote_volume
from line
cross join file
where file.file_key = $file_key and line.fault is null
order by line.open_at;

-- One row for each run of lines with the same fault.
insert into defect by name
with ordered as (
    select
        *,
        open_at < max(open_at) filter (where fault is null) over before_it as goes_back
    from line
    window before_it as (order by line rows between unbounded preceding and 1 preceding)
),

finding as (
    select
        line,
        text,
        open_at,
        fault as kind
    from ordered
    where fault is not null
    union all
    select
        line,
        text,
        open_at,
        'out_of_order' as kind
    from ordered
    where fault is null and goes_back
    union all
    select
        line,
        text,
        open_at,
        'closes_early' as kind
    from ordered
    where fault is null and closes_early
),

run as (
    select
        *,
        line - row_number() over (partition by kind order by line) as run
    from finding
)

select
    $file_key as file_key,
    kind,
    min(line) as line,
    max(line) as last_line,
    min(open_at) as from_utc,
    max(open_at) + interval 1 minute as to_utc,
    count(*) as affected_count,
    left(arg_min(text, line), 300) as detail
from run
group by kind, run;
