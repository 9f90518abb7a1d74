-- Of the versions of a file that can be used, the newest counts; the rows of the others go.
create or replace table superseded as
select file_key
from file
anti join refusal using (file_key)
qualify row_number() over (partition by pair_id, scope, since order by retrieved_at desc, file desc) > 1;

delete from candle
where file_key in (from superseded);
