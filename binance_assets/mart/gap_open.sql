-- The evidence of gaps: what was sampled in the open days, and what failed. Imports have no grid.
create or replace temp view gap_answer as
select
    capture_id,
    received_at,
    coalesce(due_at, time_bucket(to_seconds(sampling_interval_seconds), received_at)) as grid_point,
    sampling_interval_seconds,
    file,
    received_at::date as date
from open.capture
where endpoint = 'ticker/price' and source <> 'import' and sampling_interval_seconds is not null;

create or replace temp view gap_failure as
select
    due_at as grid_point,
    sampling_interval_seconds,
    error,
    message,
    file,
    due_at::date as date
from open.missed_sample
where source <> 'import';

create or replace temp view gap_price as
select
    pair_id,
    observed_at,
    observed_at::date as date
from open.price_history
where source <> 'import';

create or replace temp view gap_refusal as
select
    capture_id,
    retrieved_at,
    if(json_valid("row"), "row" ->> '$.symbol', null) as symbol,
    reason,
    retrieved_at::date as date
from open.quarantine;
