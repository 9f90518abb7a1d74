-- How each currency that follows another stood in the newest hour, the furthest off first.
select
    code,
    follows_code,
    kind,
    price,
    deviation_bp,
    threshold_bp,
    is_beyond,
    hour_utc,
    source
from mart.fact_parity_hour
where
    kind <> 'cross'
    and hour_utc = (select max(hour_utc) from mart.fact_parity_hour)
order by abs(deviation_bp) / threshold_bp desc nulls last, code
