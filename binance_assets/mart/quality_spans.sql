-- The spans in which quality is measured: a day that was sampled by itself, others together within a month.
with day as (
    select
        date_utc,
        date_utc in (select date_utc from mart.fact_price_day where source not in ('archive', 'rest')) as is_sampled
    from due_quality
    group by date_utc
),

turn as (
    select
        date_utc,
        coalesce(
            is_sampled
            or lag(is_sampled) over (order by date_utc)
            or date_trunc('month', date_utc) > lag(date_utc) over (order by date_utc),
            true
        ) as begins
    from day
),

numbered as (
    select
        date_utc,
        count(*) filter (where begins) over (order by date_utc) as span
    from turn
)

select
    min(date_utc) as since,
    max(date_utc) + 1 as until
from numbered
group by span
order by since
