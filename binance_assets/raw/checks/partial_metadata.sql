-- Metadata of the newest day that lists so few symbols that it does not count as one of the whole market.
with answer as (
    select
        capture_id,
        source,
        received_at,
        row_count
    from open.capture
    where
        endpoint = 'exchangeInfo'
        and received_at > (select max(received_at) - interval 1 day from open.capture)
)

select
    answer.*,
    count(*) as listed_before
from answer
inner join core.pair_history
    on
        answer.received_at > pair_history.valid_from
        and answer.received_at <= coalesce(pair_history.valid_to, timestamp 'infinity')
group by all
having answer.row_count < listed_before * (1 - $shrink_limit)
order by answer.received_at desc
