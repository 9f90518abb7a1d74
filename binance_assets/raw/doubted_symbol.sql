-- The doubts that there were just before the responses in judged_description, as these leave them, and those that they
-- raise. What later responses had made of them is forgotten: these are compared anew.
delete from meta.doubted_symbol
where missing_since >= (select min(retrieved_at) from judged_description);

insert or replace into meta.doubted_symbol by name
select
    unnest($symbols::varchar[]) as symbol,
    unnest($missing_since::timestamp[]) as missing_since,
    unnest($ended_at::timestamp[]) as ended_at
