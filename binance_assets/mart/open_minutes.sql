-- What minutes are averaged of, and what is known of those around them: everything of the open days.
create or replace temp view minute_price as
from open.price_history;

create or replace temp view minute_capture as
from open.capture;

create or replace temp view minute_row as
from open.fact_price_minute;
