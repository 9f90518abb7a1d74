-- The evidence of gaps where sealed days are among it. Imports have no grid.
create or replace temp view gap_answer as
select
    capture_id,
    received_at,
    coalesce(due_at, time_bucket(to_seconds(sampling_interval_seconds), received_at)) as grid_point,
    sampling_interval_seconds,
    file,
    date
from raw.capture
where endpoint = 'ticker/price' and source <> 'import' and sampling_interval_seconds is not null;

create or replace temp view gap_failure as
select
    due_at as grid_point,
    sampling_interval_seconds,
    error,
    message,
    file,
    date
from raw.missed_sample
where source <> 'import';

create or replace temp view gap_price as
select
    pair_id,
    observed_at,
    date
from core.price_history
where source <> 'import';

create or replace temp view gap_refusal as
select
    capture_id,
    retrieved_at,
    if(json_valid("row"), "row" ->> '$.symbol', null) as symbol,
    reason,
    date
from raw.quarantine;
