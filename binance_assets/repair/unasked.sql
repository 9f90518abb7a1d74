-- What the API is to be asked, a page each.
select
    pair.symbol,
    min(repair_absence.open_at) as first_at,
    max(repair_absence.open_at) as last_at
from repair_absence
inner join core.pair using (pair_id)
where not repair_absence.was_asked
group by pair.symbol, date_diff('minute', $since, repair_absence.open_at) // 1000
order by pair.symbol, first_at
