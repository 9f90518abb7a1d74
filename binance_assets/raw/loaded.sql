-- What the batch that was loaded just now has brought.
select
    (select count(*) from response) as captures,
    (select count(*) from judged_row where reason is null) as prices,
    (select count(*) from judged_row where reason is not null) as refused
