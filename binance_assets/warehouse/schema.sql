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

create table meta.open_quality_day (
    "date_utc" date not null,
    "pair_key" integer not null,
    primary key ("date_utc", "pair_key")
);

create table meta.open_sector_hour (
    "hour_utc" timestamp not null,
    "source" varchar not null,
    primary key ("hour_utc", "source")
);

create table meta.sector_member (
    "currency_id" integer not null,
    "category_id" integer not null,
    "provider" varchar not null,
    "sector" varchar not null,
    "valid_from" timestamp not null,
    "valid_to" timestamp,
    primary key ("currency_id", "category_id", "valid_from")
);

create table meta.latest_price (
    "pair_id" integer not null,
    "observed_at" timestamp not null,
    "source" varchar not null,
    "price" decimal(18, 8) not null,
    primary key ("pair_id")
);

create table meta.coin_map (
    "listed_at" timestamp not null,
    "capture_id" varchar not null,
    "coins" integer not null,
    "is_list" boolean not null,
    primary key ("listed_at", "capture_id")
);

create table meta.coin_symbol (
    "coinmarketcap_id" integer not null,
    "symbol" varchar not null,
    primary key ("coinmarketcap_id", "symbol")
);

create table meta.refused_coin (
    "listed_at" timestamp not null,
    "capture_id" varchar not null,
    "position" integer not null,
    "coinmarketcap_id" integer,
    "symbol" varchar,
    primary key ("capture_id", "position")
);

create table meta.coin_listing (
    "listed_at" timestamp not null,
    "is_open" boolean not null,
    primary key ("listed_at")
);

create table meta.compared_price (
    "listed_at" timestamp not null,
    "currency_id" integer not null,
    "price_usd" double not null
);

create table meta.coin_candidate (
    "currency_id" integer not null,
    "coinmarketcap_id" integer not null,
    primary key ("currency_id", "coinmarketcap_id")
);

create table meta.coin_comparison (
    "currency_id" integer not null,
    "coinmarketcap_id" integer not null,
    "listed_at" timestamp not null,
    "price_usd" double not null,
    "listed_usd" double not null
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

create table meta.sampling_gap (
    "pair_key" integer,
    "from_utc" timestamp not null,
    "to_utc" timestamp,
    "cause" varchar not null,
    "evidence" varchar not null
);

create table meta.gap_repair (
    "pair_key" integer,
    "from_utc" timestamp not null,
    "to_utc" timestamp not null,
    "cause" varchar,
    "finding" varchar not null,
    "repaired_at" timestamp,
    "repaired_from" varchar,
    "made_of" varchar not null
);

create table meta.candle_gap (
    "month" varchar not null,
    "pair_key" integer,
    "from_utc" timestamp not null,
    "to_utc" timestamp not null,
    "cause" varchar not null,
    "evidence" varchar not null
);

create table meta.candle_gap_month (
    "month" varchar not null,
    "made_of" varchar not null,
    primary key ("month")
);

create table meta.doubted_symbol (
    "symbol" varchar not null,
    "missing_since" timestamp not null,
    "ended_at" timestamp,
    primary key ("symbol", "missing_since")
);

create table meta.trading_span (
    "pair_key" integer not null,
    "valid_from" timestamp not null,
    "valid_to" timestamp not null,
    primary key ("pair_key", "valid_from")
);

create table meta.usdt_way (
    "code" varchar not null,
    "preference" integer not null,
    "path" varchar not null,
    "is_of_quote" boolean not null,
    "pair_key" integer not null,
    "exponent" integer not null,
    "via_pair_key" integer,
    "via_exponent" integer,
    "valid_from" timestamp not null,
    "valid_to" timestamp not null,
    primary key ("pair_key", "valid_from")
);

create table meta.kline_month (
    "month" varchar not null,
    "partition" varchar not null,
    "hours" varchar not null,
    "row_count" bigint not null,
    "usdt_ways" varchar not null,
    "made_at" timestamp not null,
    primary key ("month")
);

create table meta.open_kline_month (
    "month" varchar not null,
    "pair_id" integer not null,
    primary key ("month", "pair_id")
);

create table meta.kline_answer (
    "capture_id" varchar not null,
    "pair_id" integer not null,
    "from_utc" timestamp not null,
    "to_utc" timestamp not null,
    "answered_at" timestamp not null,
    primary key ("capture_id")
);

create table meta.long_kline_answer (
    "capture_id" varchar not null,
    "candle_interval" varchar not null,
    "pair_id" integer not null,
    "from_utc" timestamp not null,
    "to_utc" timestamp not null,
    "answered_at" timestamp not null,
    primary key ("capture_id")
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
    "payload" json,
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
    "is_leveraged" boolean not null,
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

create table raw.coinmarketcap_coin (
    "coinmarketcap_id" integer not null,
    "symbol" varchar not null,
    "name" varchar not null,
    "slug" varchar not null,
    "rank" integer,
    "is_active" boolean not null,
    "capture_id" varchar not null,
    "retrieved_at" timestamp not null,
    "listed_at" timestamp not null,
    primary key ("coinmarketcap_id")
);

create table raw.coinmarketcap_listing (
    "capture_id" varchar not null,
    "coinmarketcap_id" integer not null,
    "price_usd" double not null,
    "listed_at" timestamp not null
);

create table raw.coinmarketcap_category (
    "external_id" varchar not null,
    "name" varchar not null,
    "num_tokens" integer,
    "capture_id" varchar not null,
    "retrieved_at" timestamp not null,
    "file" varchar not null,
    "position" integer not null,
    primary key ("external_id")
);

create table raw.coinmarketcap_category_coin (
    "capture_id" varchar not null,
    "external_id" varchar not null,
    "coinmarketcap_id" integer not null,
    "listed_at" timestamp not null
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

create table core.currency_coinmarketcap (
    "currency_id" integer not null,
    "coinmarketcap_id" integer not null,
    "method" varchar not null,
    "confidence" double not null,
    "evidence" varchar not null,
    "units_per_coin" integer not null,
    primary key ("currency_id"),
    foreign key ("currency_id") references core.currency ("currency_id")
);

create table core.unmatched_currency (
    "currency_id" integer not null,
    "reason" varchar not null,
    primary key ("currency_id"),
    foreign key ("currency_id") references core.currency ("currency_id")
);

create table core.unmatched_currency_candidate (
    "coinmarketcap_id" integer not null,
    "currency_id" integer not null,
    "name" varchar not null,
    "rank" integer,
    "is_active" boolean not null,
    "price_usd" double,
    primary key ("coinmarketcap_id"),
    foreign key ("currency_id") references core.currency ("currency_id")
);

create table core.category (
    "category_id" integer not null,
    "provider" varchar not null,
    "external_id" varchar not null,
    "name" varchar not null,
    "sector" varchar,
    primary key ("category_id"),
    unique ("external_id")
);

create table core.currency_category (
    "currency_id" integer not null,
    "category_id" integer not null,
    "valid_from" timestamp not null,
    "valid_to" timestamp,
    primary key ("currency_id", "category_id", "valid_from"),
    foreign key ("currency_id") references core.currency ("currency_id"),
    foreign key ("category_id") references core.category ("category_id")
);

create table raw.archive_file (
    "file" varchar not null,
    "file_key" bigint not null,
    "symbol" varchar not null,
    "scope" varchar not null,
    "month" varchar not null,
    "first_day" date not null,
    "url" varchar not null,
    "sha256" varchar not null,
    "size_bytes" integer not null,
    "last_modified" timestamp,
    "retrieved_at" timestamp not null,
    "state" varchar not null,
    "candle_count" integer,
    "first_at" timestamp,
    "last_at" timestamp,
    "loaded_at" timestamp not null
);

create table raw.archive_defect (
    "file" varchar not null,
    "number" integer not null,
    "kind" varchar not null,
    "line" integer,
    "last_line" integer,
    "from_utc" timestamp,
    "to_utc" timestamp,
    "affected_count" integer,
    "detail" varchar
);

create table raw.rest_kline (
    "pair_id" integer not null,
    "open_at" timestamp not null,
    "open_price" decimal(18, 8) not null,
    "high_price" decimal(18, 8) not null,
    "low_price" decimal(18, 8) not null,
    "close_price" decimal(18, 8) not null,
    "volume" decimal(38, 8) not null,
    "quote_volume" decimal(38, 8) not null,
    "trade_count" integer not null,
    "taker_buy_volume" decimal(38, 8) not null,
    "taker_buy_quote_volume" decimal(38, 8) not null,
    "capture_id" varchar not null
);

create table raw.long_kline (
    "pair_id" integer not null,
    "candle_interval" varchar not null,
    "open_at" timestamp not null,
    "open_price" decimal(18, 8) not null,
    "high_price" decimal(18, 8) not null,
    "low_price" decimal(18, 8) not null,
    "close_price" decimal(18, 8) not null,
    "volume" decimal(38, 8) not null,
    "quote_volume" decimal(38, 8) not null,
    "trade_count" integer not null,
    "taker_buy_volume" decimal(38, 8) not null,
    "taker_buy_quote_volume" decimal(38, 8) not null,
    "capture_id" varchar not null
);

create table mart.dim_currency (
    "currency_key" integer not null,
    "code" varchar not null,
    "name" varchar,
    "asset_type" varchar not null,
    "sectors" varchar,
    "primary_sector" varchar,
    "sector_provider" varchar,
    "coinmarketcap_id" integer,
    primary key ("currency_key"),
    unique ("code")
);

create table mart.dim_category (
    "category_key" integer not null,
    "provider" varchar not null,
    "name" varchar not null,
    "sector" varchar,
    primary key ("category_key")
);

create table mart.bridge_currency_category (
    "currency_key" integer not null,
    "category_key" integer not null,
    "valid_from" timestamp not null,
    "valid_to" timestamp not null,
    primary key ("currency_key", "category_key", "valid_from")
);

create table mart.dim_pair (
    "pair_key" integer not null,
    "symbol" varchar not null,
    "base_code" varchar not null,
    "quote_code" varchar not null,
    "base_asset_type" varchar not null,
    "quote_asset_type" varchar not null,
    "primary_sector" varchar,
    "sector_provider" varchar,
    "status" varchar not null,
    "is_listed" boolean not null,
    "is_trading" boolean not null,
    "tick_size" decimal(18, 8),
    "listed_at" timestamp not null,
    "last_seen_at" timestamp not null,
    "base_currency_key" integer not null,
    "quote_currency_key" integer not null,
    primary key ("pair_key"),
    unique ("symbol")
);

create table mart.dim_pair_history (
    "pair_key" integer not null,
    "symbol" varchar not null,
    "base_code" varchar not null,
    "quote_code" varchar not null,
    "status" varchar not null,
    "is_trading" boolean not null,
    "tick_size" decimal(18, 8),
    "step_size" decimal(38, 8),
    "min_notional" decimal(38, 8),
    "is_spot_trading_allowed" boolean,
    "valid_from" timestamp not null,
    "valid_to" timestamp not null,
    primary key ("pair_key", "valid_from")
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
    "usdt_path" varchar,
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
    "usdt_rate" double,
    "usdt_pair_key" integer
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
    "price_usdt" double,
    "usdt_path" varchar
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
    "price_usdt" double,
    "usdt_path" varchar,
    "average_kind" varchar,
    "volume" decimal(38, 8),
    "quote_volume" decimal(38, 8),
    "trade_count" integer
);

create table mart.fact_parity_hour (
    "pair_key" integer not null,
    "date_key" integer not null,
    "time_key" integer not null,
    "hour_utc" timestamp not null,
    "source" varchar not null,
    "kind" varchar not null,
    "code" varchar not null,
    "follows_code" varchar not null,
    "price" double not null,
    "expected_price" double,
    "deviation_bp" double,
    "threshold_bp" double,
    "is_beyond" boolean,
    "usdt_path" varchar not null,
    "follows_usdt_path" varchar not null
);

create table mart.fact_sector_hour (
    "provider" varchar not null,
    "sector" varchar not null,
    "date_key" integer not null,
    "time_key" integer not null,
    "hour_utc" timestamp not null,
    "source" varchar not null,
    "change" double not null,
    "mean_change" double not null,
    "median_change" double not null,
    "pair_count" integer not null,
    "currency_count" integer not null,
    "observed_minutes" integer not null,
    "lowest_pair_key" integer not null,
    "highest_pair_key" integer not null
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

create table mart.fact_quality_day (
    "pair_key" integer not null,
    "date_key" integer not null,
    "date_utc" date not null,
    "expected_minutes" integer not null,
    "observed_minutes" integer not null,
    "completeness" double not null,
    "explained_minutes" integer not null,
    "unexplained_minutes" integer not null,
    "coverage" double,
    "worst_staleness_seconds" double,
    "compared_minutes" integer not null,
    "outside_minutes" integer not null,
    "traded_minutes" integer not null,
    "mean_deviation_bp" double,
    "worst_deviation_bp" double,
    "differing_minutes" integer not null,
    "compared_hours" integer not null,
    "differing_hours" integer not null,
    "day_differs" boolean
);
