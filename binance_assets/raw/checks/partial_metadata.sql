-- Metadata of the newest day that lists so few symbols that it does not count as one of the whole market. Symbols that
-- by now are believed to have been gone when it came are not missing from it.
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
),

believed_gone as (
    select
        pair.pair_id,
        doubted_symbol.missing_since,
        doubted_symbol.ended_at
    from meta.doubted_symbol
    inner join core.pair using (symbol)
    inner join raw.exchange_info
        on
            doubted_symbol.symbol = exchange_info.symbol
            and doubted_symbol.ended_at = exchange_info.retrieved_at
            and exchange_info.payload is null
)

select
    answer.*,
    count(*) as listed_before
from answer
inner join core.pair_history
    on
        answer.received_at > pair_history.valid_from
        and answer.received_at <= coalesce(pair_history.valid_to, timestamp 'infinity')
anti join believed_gone
    on
        pair_history.pair_id = believed_gone.pair_id
        and answer.received_at between believed_gone.missing_since and believed_gone.ended_at
group by all
having answer.row_count < listed_before * (1 - $shrink_limit)
order by answer.received_at desc
