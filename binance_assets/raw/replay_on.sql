-- These responses are done; the next ones are later than they.
delete from description_row;
