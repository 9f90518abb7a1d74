-- The lines of the file $file_key, from its whole text, for judged_lines.sql.
create or replace temp table written as
with listed as (
    select
        unnest(lines) as text,
        unnest(range(1, len(lines) + 1))::integer as line
    from (select string_split(regexp_replace($text, '\r?\n$', ''), chr(10)) as lines) as whole
)

select
    file.file_key as part,
    listed.line,
    rtrim(listed.text, chr(13)) as text,
    string_split(rtrim(listed.text, chr(13)), ',') as field,
    file.since,
    file.until,
    60_000_000 as length_us,
    file.is_in_microseconds
from listed
cross join file
where file.file_key = $file_key;
