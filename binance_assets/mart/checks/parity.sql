-- What is off by more than its threshold in the newest hour, worst first.
select
    parity.kind,
    dim_pair.symbol,
    parity.code,
    parity.follows_code,
    parity.price,
    parity.expected_price,
    parity.deviation_bp,
    parity.threshold_bp,
    parity.usdt_path,
    parity.follows_usdt_path,
    parity.hour_utc,
    parity.source
from mart.fact_parity_hour as parity
left join mart.dim_pair using (pair_key)
where
    parity.is_beyond
    and parity.hour_utc = (select max(hour_utc) from mart.fact_parity_hour)
order by abs(parity.deviation_bp) desc, dim_pair.symbol asc
