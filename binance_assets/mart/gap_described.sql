-- The span of the prices of pairs that were described since, to whole minutes: grid points lie before their answers.
select
    date_trunc('minute', min(observed_at)) as first_at,
    max(observed_at) as last_at
from gap_price
semi join gap_described using (pair_id)
