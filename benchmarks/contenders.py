"""What is measured for minute averages: the project's own step, and the same aggregate on DuckDB and Polars alone.

Each function works on a folder with a warehouse, and leaves its result there as Parquet.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import duckdb
import polars as pl

from benchmarks.market import SNAPSHOTS_A_MINUTE, START, describe, observe
from benchmarks.measure import Cost, cost
from binance_assets.landing import Landing
from binance_assets.mart.models import close_minutes
from binance_assets.warehouse import Warehouse

SNAPSHOTS = 2_840
"""Of about 3,500 pairs each: ten million observations, in not quite eight hours."""

CARRY_LIMIT_SECONDS = 300

_WAREHOUSE, _PRICES, RESULT = "warehouse.duckdb", "price_history.parquet", "result.parquet"

_EXACT = (
    *("pair_key", "minute_utc", "source"),
    *("open_price", "high_price", "low_price", "close_price", "observation_count"),
)
POLARS_KEY = ["pair_key", "minute_utc", "source"]
_MEANS = ("average_price", "time_weighted_price")

AGGREGATES = """
    sum(price) / count(*) as average_price,
    arg_min(price, observed_at) as open_price,
    max(price) as high_price,
    min(price) as low_price,
    arg_max(price, observed_at) as close_price,
    count(*)::integer as observation_count
"""
_BARE = f"""
    create table result as
    select pair_id as pair_key, date_trunc('minute', observed_at) as minute_utc, source, {AGGREGATES}
    from open.price_history
    group by all
"""
_BARE_TIME_WEIGHTED = f"""
    create table result as
    with observation as (
        select
            *,
            date_trunc('minute', observed_at) as minute_utc,
            epoch_us(lead(observed_at, 1, minute_utc + interval 1 minute) over in_order - observed_at) as stood_us
        from open.price_history
        window in_order as (partition by pair_id, source, date_trunc('minute', observed_at) order by observed_at)
    )
    select
        pair_id as pair_key, minute_utc, source, {AGGREGATES},
        sum(price::double * stood_us) / sum(stood_us) as time_weighted_price
    from observation
    group by pair_id, minute_utc, source
"""
_REPEAT_MINUTE = """
    insert into open.fact_price_minute by name
    select minute.* replace (
        minute_utc - to_minutes(earlier) as minute_utc,
        last_observed_at - to_minutes(earlier) as last_observed_at
    )
    from open.fact_price_minute as minute cross join range(1, $minutes) as shift (earlier)
    order by minute_utc, pair_key
"""


def make_observations(folder: Path) -> None:
    """Make the warehouse with the observations, and a Parquet file of the same rows in the same order."""
    warehouse = Warehouse(folder / _WAREHOUSE, "sandbox")
    with warehouse.connect() as connection:
        describe(connection, Landing(folder / "landing"), warehouse.source)
        observe(connection, warehouse.source, START, SNAPSHOTS)
        connection.relation("open.price_history").write_parquet(str(folder / _PRICES), compression="zstd")


def pipeline(folder: Path) -> Cost:
    """The project's step: the aggregate, and coverage, gaps, prices in USDT."""
    with Warehouse(_copy(folder), "sandbox").connect() as connection:
        spent = cost(close_minutes, connection, CARRY_LIMIT_SECONDS)
        minutes = connection.duck.query("from mart.fact_price_minute where not is_gap")
        minutes.write_parquet(str(folder / RESULT))
    return spent


def duckdb_time_weighted(folder: Path) -> Cost:
    """DuckDB, the same aggregate."""
    return _duckdb(folder, _BARE_TIME_WEIGHTED)


def duckdb_plain(folder: Path) -> Cost:
    """DuckDB, without the time-weighted price."""
    return _duckdb(folder, _BARE)


def polars_in_memory(folder: Path) -> Cost:
    """Polars in memory, the same aggregate."""
    observed_at, stood = pl.col("observed_at"), pl.col("stood_us")

    def run() -> None:
        _observations(pl.read_parquet(folder / _PRICES).lazy()).collect().with_columns(
            stood_us=(
                observed_at.shift(-1).over(POLARS_KEY).fill_null(pl.col("minute_utc") + timedelta(minutes=1))
                - observed_at
            ).dt.total_microseconds()
        ).group_by(POLARS_KEY).agg(
            *polars_aggregates(pl.col("price").first(), pl.col("price").last()),
            time_weighted_price=(pl.col("price").cast(pl.Float64) * stood).sum() / stood.sum(),
        ).write_parquet(folder / RESULT)

    return cost(run)


def polars_streaming(folder: Path) -> Cost:
    """Polars streaming, without the time-weighted price. It loses the order of rows, so first() would not do."""
    price, observed_at = pl.col("price"), pl.col("observed_at")

    def run() -> None:
        _observations(pl.scan_parquet(folder / _PRICES)).group_by(POLARS_KEY).agg(
            *polars_aggregates(price.get(observed_at.arg_min()), price.get(observed_at.arg_max()))
        ).collect(engine="streaming").write_parquet(folder / RESULT)

    return cost(run)


CONTENDERS: dict[str, Callable[[Path], Cost]] = {
    "binance_assets: close_minutes": pipeline,
    "DuckDB": duckdb_time_weighted,
    "DuckDB, no time weights": duckdb_plain,
    "Polars": polars_in_memory,
    "Polars streaming, no time weights": polars_streaming,
}


def make_history(folder: Path, length: timedelta) -> None:
    """Make a warehouse with minute rows of this length, and six snapshots of a minute that is over since."""
    warehouse = Warehouse(folder / _WAREHOUSE, "sandbox")
    with warehouse.connect() as connection:
        describe(connection, Landing(folder / "landing"), warehouse.source)
        observe(connection, warehouse.source, START, SNAPSHOTS_A_MINUTE)
        close_minutes(connection, CARRY_LIMIT_SECONDS)
        connection.rows(_REPEAT_MINUTE, minutes=length // timedelta(minutes=1))
        observe(connection, warehouse.source, START + timedelta(minutes=1), SNAPSHOTS_A_MINUTE)


def one_more_minute(folder: Path) -> Cost:
    """Close that minute."""
    with Warehouse(_copy(folder), "sandbox").connect() as connection:
        return cost(close_minutes, connection, CARRY_LIMIT_SECONDS)


def differences(result: Path, reference: Path) -> int:
    """How many rows of a result are not in the reference, or are missing from it."""
    with duckdb.connect() as duck:
        duck.read_parquet(str(result)).create_view("result")
        duck.read_parquet(str(reference)).create_view("reference")
        means = [name for name in _MEANS if name in duck.table("result").columns]
        same = [f"result.{name} = reference.{name}" for name in _EXACT]
        same += [f"abs(result.{name} / reference.{name} - 1) < 1e-12" for name in means]
        [(different,)] = duck.sql(
            f"select count(*) from result full join reference on {' and '.join(same)} "
            "where result.pair_key is null or reference.pair_key is null"
        ).fetchall()
    return int(different)


def _duckdb(folder: Path, statement: str) -> Cost:
    with duckdb.connect(_copy(folder)) as duck:
        spent = cost(duck.execute, statement)
        duck.table("result").write_parquet(str(folder / RESULT))
    return spent


def _copy(folder: Path) -> Path:
    """A copy of the warehouse, to be written into."""
    return Path(shutil.copy(folder / _WAREHOUSE, folder / "copy.duckdb"))


def _observations(rows: pl.LazyFrame) -> pl.LazyFrame:
    return rows.rename({"pair_id": "pair_key"}).with_columns(minute_utc=pl.col("observed_at").dt.truncate("1m"))


def polars_aggregates(first: pl.Expr, last: pl.Expr) -> list[pl.Expr]:
    """All but the time-weighted price, given what the first and the last price are."""
    return [
        pl.col("price").mean().alias("average_price"),
        first.alias("open_price"),
        pl.col("price").max().alias("high_price"),
        pl.col("price").min().alias("low_price"),
        last.alias("close_price"),
        pl.len().alias("observation_count"),
    ]
