-- One candle for each pair and minute: a monthly file's before a daily one's, and both before one from the API.
delete from candle
where
    rowid in (
        with origin as (
            select distinct
                pair_id,
                file_key
            from candle
            semi join renewed using (pair_id)
        ),

        mixed as (
            select origin.pair_id
            from origin
            left join file using (file_key)
            group by origin.pair_id
            having count(distinct coalesce(file.scope, 'rest')) > 1
        )

        select candle.rowid
        from candle
        semi join mixed using (pair_id)
        left join file using (file_key)
        qualify
            row_number() over (
                partition by candle.pair_id, candle.open_at
                order by case file.scope when 'monthly' then 1 when 'daily' then 2 else 3 end
            ) > 1
    );
