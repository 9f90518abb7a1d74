-- For what archive/absent_minutes.sql and archive/refused_minutes.sql find.
create or replace temp table absent_minute (
    pair_id integer,
    from_utc timestamp,
    to_utc timestamp,
    minutes bigint,
    covering_pairs integer
);
