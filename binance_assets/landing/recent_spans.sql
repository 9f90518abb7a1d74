-- From when on the candles of each of the pairs $symbols are missing, at the earliest $since. A pair that is not
-- described yet is asked for as well; * is none.
with wanted as (
    select unnest($symbols::varchar[]) as symbol
)

select
    wanted.symbol,
    greatest($since, coalesce(max(kline_answer.to_utc), $since)) as first_at
from wanted
left join core.pair using (symbol)
left join meta.kline_answer using (pair_id)
where wanted.symbol <> '*'
group by wanted.symbol
order by wanted.symbol
