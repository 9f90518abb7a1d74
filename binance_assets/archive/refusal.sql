insert into refusal by name
select $file_key as file_key;

insert into defect by name
select
    $file_key as file_key,
    $kind as kind,
    $detail as detail;
