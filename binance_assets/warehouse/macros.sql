-- Made anew in every connection. Rules that several models share.

-- A price or size as an exact decimal(18, 8): null where the text is no plain number in ASCII digits (an exponent is
-- allowed), or does not fit without rounding. The bound on the exponent and on the digits behind the point keeps the
-- comparison with the wide type exact; `1_000` and ` 1 `, which a cast would take, do not pass the pattern.
create or replace temp macro exact_price(written) as (
    case
        when
            regexp_full_match(written, '[0-9]{1,40}(\.[0-9]{1,18}0{0,60})?([eE][+-]?0{0,3}[0-9])?')
            and try_cast(written as decimal(38, 27)) = try_cast(written as decimal(18, 8))
            then try_cast(written as decimal(18, 8))
    end
);

-- The same for quantities and notional values, which may be larger.
create or replace temp macro exact_quantity(written) as (
    case
        when regexp_full_match(written, '[0-9]{1,30}(\.[0-9]{1,8}0{0,60})?')
            then try_cast(written as decimal(38, 8))
    end
);

-- Why a text cannot be a symbol of the exchange; null if it can. Symbols are letters and digits of any script.
create or replace temp macro symbol_fault(written) as (
    case
        when length(written) > 40 then 'its symbol is longer than 40 characters'
        when not regexp_full_match(written, '[\p{L}\p{N}][\p{L}\p{N}._-]*')
            then 'its symbol holds more than letters, digits, dots, dashes and underscores'
    end
);

-- A field of a CSV line without the quotes around it.
create or replace temp macro unquoted(field) as (
    regexp_replace(field, '^"(.*)"$', '\1')
);

-- An instant in UTC from ISO 8601 text, with Z, an offset, or neither (then it is taken as UTC). A cast alone would
-- drop an offset in silence, and a cast of a timestamp with a zone would go by the host's.
create or replace temp macro utc_instant(written) as (
    case
        when
            regexp_full_match(
                written,
                '[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?'
                || '\s*(Z|UTC|[+-][01][0-9](:?[0-5][0-9])?)?)?'
            )
            then
                try_cast(
                    regexp_replace(written, '(:[0-9]{2}(\.[0-9]+)?)\s*(Z|UTC|[+-][0-9]{2}(:?[0-9]{2})?)$', '\1')
                    as timestamp
                )
                - coalesce(
                    to_minutes(
                        try_cast(
                            regexp_extract(written, ':[0-9.]+\s*([+-])[0-9]{2}(:?[0-9]{2})?$', 1) || '1' as integer
                        )
                        * (
                            60 * try_cast(
                                regexp_extract(written, ':[0-9.]+\s*[+-]([0-9]{2})(:?[0-9]{2})?$', 1) as integer
                            )
                            + coalesce(
                                try_cast(regexp_extract(written, '[+-][0-9]{2}:?([0-9]{2})$', 1) as integer), 0
                            )
                        )
                    ),
                    interval 0 minute
                )
    end
);

-- Responses that tables of the whole history are made of: their captures stay open, and their landing files stay.
create or replace temp macro is_metadata(endpoint) as (
    endpoint = 'exchangeInfo' or starts_with(endpoint, 'coinmarketcap/') or starts_with(endpoint, 'klines/')
);

-- Causes of gaps that candles may mend, or explain better. Whatever else a gap is from, its prices are not missed.
create or replace temp macro is_repairable(cause) as (
    cause in ('collector_down', 'exchange_outage', 'unresolved')
);

-- Keys of the date and time dimensions.
create or replace temp macro date_key(instant) as (
    (year(instant) * 10000 + month(instant) * 100 + day(instant))::integer
);

create or replace temp macro time_key(instant) as (
    (hour(instant) * 60 + minute(instant))::integer
);
