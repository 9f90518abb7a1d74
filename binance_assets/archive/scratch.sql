-- What a month is put together in, in a database of its own: candles, what became of files, what is wrong in them.
create table candle (
    file_key bigint,
    pair_id integer,
    open_at timestamp,
    open_price decimal(18, 8),
    high_price decimal(18, 8),
    low_price decimal(18, 8),
    close_price decimal(18, 8),
    volume decimal(38, 8),
    quote_volume decimal(38, 8),
    trade_count integer,
    taker_buy_volume decimal(38, 8),
    taker_buy_quote_volume decimal(38, 8)
);

create table outcome (
    file varchar,
    file_key bigint,
    symbol varchar,
    scope varchar,
    month varchar,
    first_day date,
    url varchar,
    sha256 varchar,
    size_bytes integer,
    last_modified timestamp,
    retrieved_at timestamp,
    state varchar,
    candle_count integer,
    first_at timestamp,
    last_at timestamp
);

create table finding (
    file varchar,
    number integer,
    kind varchar,
    line integer,
    last_line integer,
    from_utc timestamp,
    to_utc timestamp,
    affected_count integer,
    detail varchar
);

create table hour (
    pair_id integer,
    date date,
    hour_utc timestamp,
    source varchar,
    open_price decimal(18, 8),
    high_price decimal(18, 8),
    low_price decimal(18, 8),
    close_price decimal(18, 8),
    average_price double,
    volume decimal(38, 8),
    quote_volume decimal(38, 8),
    trade_count integer,
    candle_count integer,
    price_usdt double,
    usdt_path varchar
);
