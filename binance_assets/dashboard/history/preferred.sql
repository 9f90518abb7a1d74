-- Of the sources of a minute the one that counts (mart/preferred_minute.sql); there are no gaps among them.
select *
from piece
qualify row_number() over (partition by starts_at order by preference) = 1
