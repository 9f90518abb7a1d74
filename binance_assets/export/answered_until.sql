-- The newest price that was sampled.
select max(observed_at)
from mart.fact_price_latest
where source <> 'import'
