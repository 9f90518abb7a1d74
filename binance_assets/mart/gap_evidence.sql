-- Every grid point from $previous_at to $next_at of which there is evidence. One at which anything was answered is
-- answered, whatever else failed there.
create or replace temp table gap_evidence as
with evidence as (
    select
        grid_point,
        sampling_interval_seconds,
        file,
        null as error,
        null as message
    from gap_answer
    where date between $previous_at::date and $next_at::date and grid_point between $previous_at and $next_at
    union all
    select
        grid_point,
        sampling_interval_seconds,
        file,
        error,
        message
    from gap_failure
    where date between $previous_at::date and $next_at::date and grid_point between $previous_at and $next_at
),

seen as (
    select coalesce(max(file), '') as file
    from meta.progress
    where model = 'mart.gap'
)

select
    evidence.grid_point,
    to_seconds(min(evidence.sampling_interval_seconds)) as step,
    bool_or(evidence.error is null) as is_answered,
    coalesce(bool_or(evidence.file <= seen.file) filter (where evidence.error is null), false) as was_answered,
    min_by(evidence.error, (evidence.file, evidence.error)) as error,
    min_by(split_part(evidence.message, chr(10), 1), (evidence.file, evidence.error)) as message
from evidence
cross join seen
group by evidence.grid_point
order by evidence.grid_point;

-- Gaps of the whole market: runs of grid points that failed, or that nobody tried.
create or replace temp table gap_of_market as
with in_order as (
    select
        *,
        case
            when is_answered then null
            when list_contains($exchange_errors, error) then 'exchange_outage'
            else 'collector_down'
        end as cause,
        lag(grid_point + step) over by_time < grid_point as is_after_silence,
        lead(grid_point) over by_time as next_at
    from gap_evidence
    window by_time as (order by grid_point)
),

judged as (
    select
        *,
        lag(cause) over (order by grid_point) as cause_before
    from in_order
),

failed as (
    select
        *,
        count_if(is_after_silence or cause_before is null or cause <> cause_before) over (order by grid_point) as run
    from judged
    where cause is not null
),

failure as (
    select
        run,
        cause,
        error,
        count(*) as failures,
        min(grid_point) as first_at,
        min_by(message, grid_point) as message,
        max(grid_point + step) as step_end,
        max_by(coalesce(next_at, timestamp 'infinity'), grid_point) as next_at
    from failed
    group by run, cause, error
)

select
    min(first_at) as from_utc,
    if(max(next_at) = timestamp 'infinity', null, least(max(step_end), max(next_at))) as to_utc,
    cause,
    concat(
        sum(failures),
        ' samples failed: ',
        string_agg(concat(failures, ' ', error, ' (', message, ')'), ', ' order by failures desc, error asc),
        if(
            bool_or(error = 'ExchangeUnreachable'),
            '. From no answer it cannot be told whether the exchange or the network on this side was down',
            ''
        )
    ) as evidence
from failure
group by run, cause
union all
select
    grid_point + step as from_utc,
    next_at as to_utc,
    'collector_down' as cause,
    concat('no sample was attempted between ', grid_point, ' and ', next_at) as evidence
from in_order
where next_at > grid_point + step;
