-- Made from the declarations in */tables.py by `make docs`; a test compares the two.

create schema raw;

create schema core;

create schema mart;

create schema meta;

create schema open;

create schema lake;

create table meta.warehouse (
    "source" varchar not null,
    "schema_sha256" varchar not null,
    primary key ("source")
);

create table meta.progress (
    "model" varchar not null,
    "file" varchar not null,
    "landed_at" timestamp not null,
    primary key ("model")
);

create table meta.sealed_partition (
    "table" varchar not null,
    "date" date not null,
    "row_count" integer not null,
    "sealed_at" timestamp not null,
    primary key ("table", "date")
);

create table meta.taken_over_day (
    "date" date not null,
    primary key ("date")
);

create table meta.open_minute (
    "minute_utc" timestamp not null,
    "source" varchar not null,
    primary key ("minute_utc", "source")
);

create table meta.open_hour (
    "hour_utc" timestamp not null,
    "source" varchar not null,
    primary key ("hour_utc", "source")
);

create table meta.open_day (
    "date_utc" date not null,
    "source" varchar not null,
    primary key ("date_utc", "source")
);

create table meta.latest_price (
    "pair_id" integer not null,
    "observed_at" timestamp not null,
    "source" varchar not null,
    "price" decimal(18, 8) not null,
    primary key ("pair_id")
);

create table meta.expected_pair (
    "pair_id" integer not null,
    "trading_from" timestamp,
    "expected_from" timestamp,
    "quoted_from" timestamp,
    primary key ("pair_id")
);

create table meta.pair_gap (
    "pair_id" integer not null,
    "from_utc" timestamp not null,
    "to_utc" timestamp,
    "pairs_before" integer not null,
    "refusal" varchar
);

create table open.capture (
    "capture_id" varchar not null,
    "endpoint" varchar not null,
    "source" varchar not null,
    "base_url" varchar,
    "requested_at" timestamp,
    "received_at" timestamp not null,
    "due_at" timestamp,
    "exchange_at" timestamp,
    "used_weight" integer,
    "sampling_interval_seconds" integer,
    "clock_offset_seconds" double,
    "row_count" integer not null,
    "sha256" varchar not null,
    "file" varchar not null,
    primary key ("capture_id")
);

create table raw.ticker_price (
    "capture_id" varchar not null,
    "symbol" varchar not null,
    "price" varchar not null,
    "retrieved_at" timestamp not null
);

create table raw.exchange_info (
    "capture_id" varchar not null,
    "symbol" varchar not null,
    "payload" json not null,
    "retrieved_at" timestamp not null
);

create table raw.symbol (
    "symbol" varchar not null,
    "base" varchar not null,
    "quote" varchar not null,
    "capture_id" varchar not null,
    "file" varchar not null,
    "position" integer not null,
    "first_seen_at" timestamp not null,
    "last_seen_at" timestamp not null,
    primary key ("symbol")
);

create table open.quarantine (
    "retrieved_at" timestamp not null,
    "capture_id" varchar not null,
    "position" integer,
    "row" varchar not null,
    "reason" varchar not null
);

create table open.missed_sample (
    "due_at" timestamp not null,
    "source" varchar not null,
    "sampling_interval_seconds" integer not null,
    "error" varchar not null,
    "message" varchar not null,
    "file" varchar not null
);

create table core.currency (
    "currency_id" integer not null,
    "code" varchar not null,
    "name" varchar,
    "asset_type" varchar not null,
    primary key ("currency_id"),
    unique ("code")
);

create table core.pair (
    "pair_id" integer not null,
    "symbol" varchar not null,
    "base_currency_id" integer not null,
    "quote_currency_id" integer not null,
    "first_seen_at" timestamp not null,
    "last_seen_at" timestamp not null,
    primary key ("pair_id"),
    unique ("symbol"),
    foreign key ("base_currency_id") references core.currency ("currency_id"),
    foreign key ("quote_currency_id") references core.currency ("currency_id")
);

create table core.pair_history (
    "pair_id" integer not null,
    "valid_from" timestamp not null,
    "valid_to" timestamp,
    "status" varchar not null,
    "tick_size" decimal(18, 8),
    "step_size" decimal(38, 8),
    "min_notional" decimal(38, 8),
    "is_spot_trading_allowed" boolean,
    primary key ("pair_id", "valid_from"),
    foreign key ("pair_id") references core.pair ("pair_id")
);

create table open.price_history (
    "pair_id" integer not null,
    "observed_at" timestamp not null,
    "source" varchar not null,
    "price" decimal(18, 8) not null
);

create table open.price_without_metadata (
    "symbol" varchar not null,
    "observed_at" timestamp not null,
    "source" varchar not null,
    "price" decimal(18, 8) not null
);

create table mart.dim_currency (
    "currency_key" integer not null,
    "code" varchar not null,
    "name" varchar,
    "asset_type" varchar not null,
    primary key ("currency_key"),
    unique ("code")
);

create table mart.dim_pair (
    "pair_key" integer not null,
    "symbol" varchar not null,
    "base_code" varchar not null,
    "quote_code" varchar not null,
    "base_asset_type" varchar not null,
    "quote_asset_type" varchar not null,
    "status" varchar not null,
    "is_trading" boolean not null,
    "tick_size" decimal(18, 8),
    "listed_at" timestamp not null,
    "last_seen_at" timestamp not null,
    primary key ("pair_key"),
    unique ("symbol")
);

create table mart.dim_date (
    "date_key" integer not null,
    "date_utc" date not null,
    "year" integer not null,
    "quarter" integer not null,
    "month" integer not null,
    "month_name" varchar not null,
    "day_of_month" integer not null,
    "iso_week" integer not null,
    "iso_weekday" integer not null,
    "weekday_name" varchar not null,
    "is_weekend" boolean not null,
    primary key ("date_key"),
    unique ("date_utc")
);

create table mart.dim_time (
    "time_key" integer not null,
    "time_of_day" varchar not null,
    "hour" integer not null,
    "minute" integer not null,
    primary key ("time_key")
);

create table mart.fact_price_latest (
    "pair_key" integer not null,
    "observed_at" timestamp not null,
    "price" decimal(18, 8) not null,
    "price_usdt" double,
    "is_stale" boolean not null,
    "source" varchar not null,
    "price_rank_in_quote" integer,
    "price_band" varchar not null,
    "price_band_order" integer not null,
    primary key ("pair_key")
);

create table open.fact_price_minute (
    "pair_key" integer not null,
    "minute_utc" timestamp not null,
    "source" varchar not null,
    "close_price" decimal(18, 8),
    "open_over_close" decimal(18, 8),
    "high_over_close" decimal(18, 8),
    "close_over_low" decimal(18, 8),
    "sum_over_close" decimal(28, 8),
    "time_weighted_over_average" double,
    "observation_count" integer not null,
    "expected_count" integer not null,
    "filled_price" decimal(18, 8),
    "last_observed_at" timestamp not null,
    "usdt_rate" double
);

create table open.fact_price_hour (
    "pair_key" integer not null,
    "date_key" integer not null,
    "time_key" integer not null,
    "hour_utc" timestamp not null,
    "source" varchar not null,
    "price_sum" decimal(28, 8),
    "average_price" double,
    "time_weighted_price" double,
    "open_price" decimal(18, 8),
    "high_price" decimal(18, 8),
    "low_price" decimal(18, 8),
    "close_price" decimal(18, 8),
    "observation_count" integer not null,
    "expected_count" integer not null,
    "coverage" double not null,
    "observed_minutes" integer not null,
    "filled_minutes" integer not null,
    "missing_minutes" integer not null,
    "price_usdt" double
);

create table mart.fact_price_day (
    "pair_key" integer not null,
    "date_key" integer not null,
    "date_utc" date not null,
    "source" varchar not null,
    "price_sum" decimal(28, 8),
    "average_price" double,
    "time_weighted_price" double,
    "open_price" decimal(18, 8),
    "high_price" decimal(18, 8),
    "low_price" decimal(18, 8),
    "close_price" decimal(18, 8),
    "observation_count" integer not null,
    "expected_count" integer not null,
    "coverage" double not null,
    "observed_minutes" integer not null,
    "filled_minutes" integer not null,
    "missing_minutes" integer not null,
    "price_usdt" double
);

create table mart.gap (
    "pair_key" integer,
    "source" varchar not null,
    "from_utc" timestamp not null,
    "to_utc" timestamp,
    "cause" varchar not null,
    "evidence" varchar not null,
    "repaired_at" timestamp,
    "repaired_from" varchar
);
