-- The observations of an imported table (already in the temporary table `observation`), as captures: one for each
-- instant in it, with an id from its content, so that a snapshot that stands in two files is loaded once. Rows whose
-- instant cannot be are refused, and are one capture together, as of the time when the file came.
update observation
set
    reason = if(
        retrieved_at is null,
        'its Retrieval_Timestamp is no instant in ISO 8601',
        'its Retrieval_Timestamp is before the exchange opened, or after the file came'
    ),
    retrieved_at = null
where
    reason is null
    and (retrieved_at between timestamp '2017-07-14' and $landed_at) is not true;

create or replace temp table response as
with snapshot as (
    select
        retrieved_at,
        count(*) as row_count,
        sha256(
            string_agg(
                if(retrieved_at is null, written, concat(symbol, ',', price)), chr(10)
                order by position
            )
        ) as sha256
    from observation
    group by retrieved_at
)

select
    substr(sha256(concat('import|ticker/price|', retrieved_at, '|', sha256)), 1, 32) as capture_id,
    if(retrieved_at is null, 'undated', 'ticker/price') as endpoint,
    'import' as source,
    null as base_url,
    null as due_at,
    null as requested_at,
    coalesce(retrieved_at, $landed_at) as received_at,
    null as exchange_at,
    null as used_weight,
    null as sampling_interval_seconds,
    null as clock_offset_seconds,
    sha256,
    true as is_whole,
    row_count,
    retrieved_at,
    $file as file
from snapshot
where not exists (
    from open.capture
    where capture.capture_id = substr(sha256(concat('import|ticker/price|', retrieved_at, '|', snapshot.sha256)), 1, 32)
);

create or replace temp table ticker_row as
select
    response.capture_id,
    response.received_at as retrieved_at,
    observation.position,
    observation.written,
    observation.symbol,
    observation.price,
    case
        when observation.reason is not null then observation.reason
        when observation.symbol is null then 'its symbol is missing'
        when observation.price is null then 'its price is missing'
    end as reason
from observation
inner join response on observation.retrieved_at is not distinct from response.retrieved_at;
