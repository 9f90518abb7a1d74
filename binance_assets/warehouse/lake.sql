-- Made from the declarations in */tables.py by `make docs`; a test compares the two.

create or replace view raw.capture as
select
    "received_at"::date as "date",
    "capture_id",
    "endpoint",
    "source",
    "base_url",
    "requested_at",
    "received_at",
    "due_at",
    "exchange_at",
    "used_weight",
    "sampling_interval_seconds",
    "clock_offset_seconds",
    "row_count",
    "sha256",
    "file"
from open.capture
union all
select
    "date",
    "capture_id",
    "endpoint",
    "source",
    "base_url",
    "requested_at",
    "received_at",
    "due_at",
    "exchange_at",
    "used_weight",
    "sampling_interval_seconds",
    "clock_offset_seconds",
    "row_count",
    "sha256",
    "file"
from
    read_parquet(
        'lake/capture/*/data.parquet', hive_partitioning = true, hive_types = { 'date': date }
    )
where false;

create or replace view raw.quarantine as
select
    "retrieved_at"::date as "date",
    "retrieved_at",
    "capture_id",
    "position",
    "row",
    "reason"
from open.quarantine
union all
select
    "date",
    "retrieved_at",
    "capture_id",
    "position",
    "row",
    "reason"
from
    read_parquet(
        'lake/quarantine/*/data.parquet', hive_partitioning = true, hive_types = { 'date': date }
    )
where false;

create or replace view raw.missed_sample as
select
    "due_at"::date as "date",
    "due_at",
    "source",
    "sampling_interval_seconds",
    "error",
    "message",
    "file"
from open.missed_sample
union all
select
    "date",
    "due_at",
    "source",
    "sampling_interval_seconds",
    "error",
    "message",
    "file"
from
    read_parquet(
        'lake/missed_sample/*/data.parquet', hive_partitioning = true, hive_types = { 'date': date }
    )
where false;

create or replace view core.price_history as
select
    "observed_at"::date as "date",
    "pair_id",
    "observed_at",
    "source",
    "price"
from open.price_history
union all
select
    "date",
    "pair_id",
    "observed_at",
    "source",
    "price"
from
    read_parquet(
        'lake/price_history/*/data.parquet', hive_partitioning = true, hive_types = { 'date': date }
    )
where false;

create or replace view core.price_without_metadata as
select
    "observed_at"::date as "date",
    "symbol",
    "observed_at",
    "source",
    "price"
from open.price_without_metadata
union all
select
    "date",
    "symbol",
    "observed_at",
    "source",
    "price"
from
    read_parquet(
        'lake/price_without_metadata/*/data.parquet', hive_partitioning = true, hive_types = { 'date': date }
    )
where false;

create or replace view lake.fact_price_minute as
select
    "pair_key",
    "minute_utc",
    "source",
    "close_price",
    "open_over_close",
    "high_over_close",
    "close_over_low",
    "sum_over_close",
    "time_weighted_over_average",
    "observation_count",
    "expected_count",
    "filled_price",
    "last_observed_at",
    "usdt_rate",
    "usdt_pair_key",
    "minute_utc"::date as "date"
from open.fact_price_minute
union all
select
    "pair_key",
    "minute_utc",
    "source",
    "close_price",
    "open_over_close",
    "high_over_close",
    "close_over_low",
    "sum_over_close",
    "time_weighted_over_average",
    "observation_count",
    "expected_count",
    "filled_price",
    "last_observed_at",
    "usdt_rate",
    "usdt_pair_key",
    "date"
from
    read_parquet(
        'lake/fact_price_minute/*/data.parquet', hive_partitioning = true, hive_types = { 'date': date }
    )
where false;

create or replace view lake.fact_price_hour as
select
    "pair_key",
    "date_key",
    "time_key",
    "hour_utc",
    "source",
    "price_sum",
    "average_price",
    "time_weighted_price",
    "open_price",
    "high_price",
    "low_price",
    "close_price",
    "observation_count",
    "expected_count",
    "coverage",
    "observed_minutes",
    "filled_minutes",
    "missing_minutes",
    "price_usdt",
    "usdt_path",
    "hour_utc"::date as "date"
from open.fact_price_hour
union all
select
    "pair_key",
    "date_key",
    "time_key",
    "hour_utc",
    "source",
    "price_sum",
    "average_price",
    "time_weighted_price",
    "open_price",
    "high_price",
    "low_price",
    "close_price",
    "observation_count",
    "expected_count",
    "coverage",
    "observed_minutes",
    "filled_minutes",
    "missing_minutes",
    "price_usdt",
    "usdt_path",
    "date"
from
    read_parquet(
        'lake/fact_price_hour/*/data.parquet', hive_partitioning = true, hive_types = { 'date': date }
    )
where false;

create or replace view raw.kline as
select
    null::varchar as "month",
    null::date as "date",
    null::integer as "pair_id",
    null::timestamp as "open_at",
    null::decimal(18, 8) as "open_price",
    null::decimal(18, 8) as "high_price",
    null::decimal(18, 8) as "low_price",
    null::decimal(18, 8) as "close_price",
    null::decimal(38, 8) as "volume",
    null::decimal(38, 8) as "quote_volume",
    null::integer as "trade_count",
    null::decimal(38, 8) as "taker_buy_volume",
    null::decimal(38, 8) as "taker_buy_quote_volume",
    null::varchar as "source",
    null::bigint as "file_key",
    null::double as "usdt_rate",
    null::varchar as "usdt_path"
where false;

create or replace view raw.kline_hour as
select
    null::varchar as "month",
    null::date as "date",
    null::integer as "pair_id",
    null::timestamp as "hour_utc",
    null::varchar as "source",
    null::decimal(18, 8) as "open_price",
    null::decimal(18, 8) as "high_price",
    null::decimal(18, 8) as "low_price",
    null::decimal(18, 8) as "close_price",
    null::double as "average_price",
    null::decimal(38, 8) as "volume",
    null::decimal(38, 8) as "quote_volume",
    null::integer as "trade_count",
    null::integer as "candle_count",
    null::double as "price_usdt",
    null::varchar as "usdt_path"
where false;
