-- The files of some pairs, and those of the pairs that are put together anew.
create or replace table file (
    file varchar,
    file_key bigint,
    symbol varchar,
    pair_id integer,
    scope varchar,
    month varchar,
    since timestamp,
    until timestamp,
    is_in_microseconds boolean,
    url varchar,
    sha256 varchar,
    size_bytes integer,
    last_modified timestamp,
    retrieved_at timestamp,
    path varchar,
    line_count integer
);

create or replace table renewed as
select unnest($renewed::integer[]) as pair_id;

create or replace table refusal (
    file_key bigint
);

create or replace table defect (
    file_key bigint,
    kind varchar,
    line integer,
    last_line integer,
    from_utc timestamp,
    to_utc timestamp,
    affected_count integer,
    detail varchar
);
