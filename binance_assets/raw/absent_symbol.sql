-- Symbols that a response of the whole market lists no longer.
create or replace temp table absent_symbol as
select
    unnest($capture_ids::varchar[]) as capture_id,
    unnest($instants::timestamp[]) as retrieved_at,
    unnest($symbols::varchar[]) as symbol
