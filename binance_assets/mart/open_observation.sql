-- The observations that minutes are averaged of: those of the open days.
create or replace temp view observation as
from open.price_history
