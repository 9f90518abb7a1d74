-- Up to when samples failed, from the day $since on.
select max(due_at + to_seconds(sampling_interval_seconds))
from raw.missed_sample
where source <> 'import' and date >= $since
