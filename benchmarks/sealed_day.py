"""Averages of a sealed day of thirty million observations, beside DuckDB and Polars doing the same aggregate only.

All read the partition that sealing has made of the day. Each runs in fresh processes, in turn with the others; before
anything is timed, their results are compared: counts and prices must be equal, and means agree to twelve digits.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import duckdb
import polars as pl

from benchmarks.contenders import AGGREGATES, CARRY_LIMIT_SECONDS, POLARS_KEY, RESULT, differences, polars_aggregates
from benchmarks.histories import SEALED, SOURCE, WAREHOUSE, make_sealed_day, partition
from benchmarks.measure import Cost, cost, in_fresh_process, medians, show
from binance_assets.mart.models import average_sealed_day
from binance_assets.warehouse import Warehouse

_TIME_WEIGHTED = f"""
    with observation as (
        select
            *,
            date_trunc('minute', observed_at) as minute_utc,
            epoch_us(lead(observed_at, 1, minute_utc + interval 1 minute) over in_order - observed_at) as stood_us
        from price_history
        window in_order as (partition by pair_id, source, date_trunc('minute', observed_at) order by observed_at)
    )
    select
        pair_id as pair_key, minute_utc, source, {AGGREGATES},
        sum(price::double * stood_us) / sum(stood_us) as time_weighted_price
    from observation
    group by pair_id, minute_utc, source
"""
_PLAIN = f"""
    select pair_id as pair_key, date_trunc('minute', observed_at) as minute_utc, source, {AGGREGATES}
    from price_history
    group by all
"""


def ours(folder: Path) -> Cost:
    """The project's step: also coverage, gaps, rates in USDT, and the rows in their table, in one transaction."""
    copy = Path(shutil.copy(folder / WAREHOUSE, folder / "copy.duckdb"))

    def run() -> None:
        with Warehouse(copy, SOURCE).connect() as connection:
            average_sealed_day(connection, SEALED, CARRY_LIMIT_SECONDS)

    spent = cost(run)
    with Warehouse(copy, SOURCE).connect() as connection:
        minutes = connection.duck.query("from mart.fact_price_minute where not is_gap")
        minutes.write_parquet(str(folder / RESULT))
    return spent


def duckdb_time_weighted(folder: Path) -> Cost:
    """DuckDB, the same aggregate, into a table of a file."""
    return _duckdb(folder, _TIME_WEIGHTED)


def duckdb_plain(folder: Path) -> Cost:
    """DuckDB, without the time-weighted price."""
    return _duckdb(folder, _PLAIN)


def polars_in_memory(folder: Path) -> Cost:
    """Polars in memory, without the time-weighted price, which would need three times the memory."""
    return _polars(folder, "in-memory")


def polars_streaming(folder: Path) -> Cost:
    """Polars streaming, without the time-weighted price."""
    return _polars(folder, "streaming")


CONTENDERS: dict[str, Callable[[Path], Cost]] = {
    "binance_assets: average_sealed_day": ours,
    "DuckDB": duckdb_time_weighted,
    "DuckDB, no time weights": duckdb_plain,
    "Polars, no time weights": polars_in_memory,
    "Polars streaming, no time weights": polars_streaming,
}


def measure(repetitions: int, folder: Path) -> dict[str, Cost]:
    """Compare all results with the project's, then time them in turn."""
    in_fresh_process(make_sealed_day, folder)
    in_fresh_process(ours, folder)
    reference = (folder / RESULT).rename(folder / "reference.parquet")
    costs: dict[str, list[Cost]] = {name: [] for name in CONTENDERS}
    for name, contender in CONTENDERS.items():
        in_fresh_process(contender, folder)
        if different := in_fresh_process(differences, folder / RESULT, reference):
            sys.exit(f"{different} rows of {name} and of binance_assets are not the same. Nothing was timed.")
    for _ in range(repetitions):
        for name, contender in CONTENDERS.items():
            costs[name].append(in_fresh_process(contender, folder))
    return {name: medians(each) for name, each in costs.items()}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sealed_day", description=__doc__)
    parser.add_argument("--repetitions", type=int, default=3, metavar="N", help="of which medians are taken (3)")
    parser.add_argument("--json", action="store_true", help="print for programs")
    arguments = parser.parse_args()
    with TemporaryDirectory() as temporary:
        costs = measure(arguments.repetitions, Path(temporary))
    if arguments.json:
        print(json.dumps({name: asdict(one) for name, one in costs.items()}))
    else:
        show("Minute averages of a sealed day, 30 million observations", costs, beside="DuckDB")


def _duckdb(folder: Path, query: str) -> Cost:
    file = folder / "bare.duckdb"
    file.unlink(missing_ok=True)

    def run() -> None:
        with duckdb.connect(file) as duck:
            duck.read_parquet(str(partition(folder)), hive_partitioning=False).create_view("price_history")
            duck.execute(f"create table result as {query}")

    spent = cost(run)
    with duckdb.connect(file) as duck:
        duck.table("result").write_parquet(str(folder / RESULT))
    return spent


def _polars(folder: Path, engine: Literal["in-memory", "streaming"]) -> Cost:
    price, observed_at = pl.col("price"), pl.col("observed_at")

    def run() -> None:
        pl.scan_parquet(partition(folder), hive_partitioning=False).rename({"pair_id": "pair_key"}).with_columns(
            minute_utc=observed_at.dt.truncate("1m")
        ).group_by(POLARS_KEY).agg(
            *polars_aggregates(price.get(observed_at.arg_min()), price.get(observed_at.arg_max()))
        ).collect(engine=engine).write_parquet(folder / RESULT)

    return cost(run)


if __name__ == "__main__":
    # Fresh processes find functions by the name of their module, which here is another one.
    from benchmarks.sealed_day import main as main_of_module

    main_of_module()
