"""What one more minute costs after a day, a month and a year, what reading costs then, and what a day takes on disk.

The histories are made through the project's own sealing:

- One whole day of about 3,500 pairs, sampled every ten seconds: 30 million observations, 5 million minutes.
- For the month, 29 more days, each with one hour that is sampled every minute.
- For the year, 335 more days whose partitions are hard links of the whole day, registered as if they had been sealed,
  and with rows of their own in mart.fact_price_day, which is never sealed.

Each history is followed by half a day that is open, and one of a day by a day and a half too: as much as is open just
before a day is sealed. The open rows are the sealed day's, at later instants.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from benchmarks.contenders import CARRY_LIMIT_SECONDS
from benchmarks.histories import (
    DAY,
    MINUTE,
    SEALED,
    SOURCE,
    WAREHOUSE,
    copy,
    link_days,
    make_sealed_day,
    open_hours,
    partition,
    seal_hours_of_days,
)
from benchmarks.market import INTERVAL, SNAPSHOTS_A_MINUTE, START, prices
from benchmarks.measure import Cost, cost, in_fresh_process, medians, show
from binance_assets.clock import Clock
from binance_assets.collector.minutes import bring_up_to_date
from binance_assets.landing import Capture, Landing
from binance_assets.warehouse import Warehouse

WARM_UP = 2

ONE_DAY, MONTH, YEAR, LONG_OPEN = "1 day", "30 days", "365 days", "1 day, 36 hours open"

QUERIES = {
    "one pair, one day: core.price_history": """
        select * from core.price_history where date = $day and pair_id = $pair
    """,
    "one pair, one day, by its symbol: core.price_history": """
        select price_history.* from core.price_history inner join core.pair using (pair_id)
        where price_history.date = $day and pair.symbol = 'BTCUSDT'
    """,
    "one pair, one day: mart.fact_price_minute": """
        select * from mart.fact_price_minute where date = $day and pair_key = $pair
    """,
    "one pair, one day, by its symbol: mart.fact_price_minute": """
        select fact_price_minute.* from mart.fact_price_minute inner join mart.dim_pair using (pair_key)
        where fact_price_minute.date = $day and dim_pair.symbol = 'BTCUSDT'
    """,
    "all pairs, latest: mart.fact_price_latest": "select * from mart.fact_price_latest",
}

_SIZES = {
    "observations, plain Parquet": (
        "select * from core.price_history where date = $day "
        "order by date_trunc('hour', observed_at), pair_id, observed_at"
    ),
    "minutes as they are read, plain Parquet": (
        "select * from mart.fact_price_minute where date = $day "
        "order by date_trunc('hour', minute_utc), pair_key, minute_utc"
    ),
}


class MinuteClock(Clock):
    """Stands a second after the minute's end."""

    def __init__(self, minute: datetime) -> None:
        self._now = minute + MINUTE + timedelta(seconds=1)

    def now(self) -> datetime:
        """That instant."""
        return self._now


def make_histories(folder: Path) -> dict[str, Path]:
    """Make them all; each shares the sealed days of the ones before."""
    folders = {name: folder / str(number) for number, name in enumerate((ONE_DAY, MONTH, YEAR, LONG_OPEN))}
    sealed = folder / "sealed"
    in_fresh_process(make_sealed_day, sealed)
    copy(sealed, folders[LONG_OPEN])
    in_fresh_process(open_hours, folders[LONG_OPEN], 36)
    copy(sealed, folders[ONE_DAY])
    in_fresh_process(open_hours, folders[ONE_DAY], 12)
    copy(folders[ONE_DAY], folders[MONTH])
    in_fresh_process(seal_hours_of_days, folders[MONTH], 29)
    copy(folders[MONTH], folders[YEAR])
    in_fresh_process(link_days, folders[YEAR], [SEALED - number * DAY for number in range(30, 365)])
    return folders


def one_more_minute(folder: Path, minute: datetime) -> Cost:
    """Land a minute's samples and bring everything up to date, as the collector does."""
    grid = [minute + INTERVAL * number for number in range(SNAPSHOTS_A_MINUTE)]
    samples = [
        Capture("ticker/price", SOURCE, at + timedelta(milliseconds=300), prices(at), sampling_interval_seconds=10)
        for at in grid
    ]
    landing = Landing(folder / "landing", MinuteClock(minute))

    def run() -> None:
        landing.land_minute(samples)
        with Warehouse(folder / WAREHOUSE, SOURCE).connect() as connection:
            bring_up_to_date(connection, landing, CARRY_LIMIT_SECONDS)

    return cost(run)


def measure_minutes(folders: dict[str, Path], repetitions: int) -> dict[str, Cost]:
    """Add minutes to each history in turn, in one process that goes on, as the collector's does."""
    costs: dict[str, list[Cost]] = {name: [] for name in folders}
    for number in range(WARM_UP + repetitions):
        for name, folder in folders.items():
            end = START + (2.5 if name == LONG_OPEN else 1.5) * DAY
            spent = one_more_minute(folder, end + number * MINUTE)
            if number >= WARM_UP:
                costs[name].append(spent)
    return {name: medians(each) for name, each in costs.items()}


def query(folder: Path, text: str) -> Cost:
    """Read with a connection of its own; opening the file is not counted."""
    with Warehouse(folder / WAREHOUSE, SOURCE).connect() as connection:
        pair = connection.value("select pair_id from core.pair where symbol = 'BTCUSDT'")
        given = {name: value for name, value in {"day": SEALED, "pair": pair}.items() if f"${name}" in text}
        return cost(lambda: connection.rows(text, **given))


def measure_queries(folders: dict[str, Path], repetitions: int) -> dict[str, dict[str, Cost]]:
    """Each query on each history, in turn."""
    costs: dict[str, dict[str, list[Cost]]] = {title: {name: [] for name in folders} for title in QUERIES}
    for _ in range(repetitions):
        for title, text in QUERIES.items():
            for name, folder in folders.items():
                costs[title][name].append(query(folder, text))
    return {title: {name: medians(each) for name, each in of.items()} for title, of in costs.items()}


def measure_sizes(folder: Path) -> dict[str, float]:
    """Bytes a row of the sealed day, and of the same rows as Parquet that DuckDB writes by itself."""

    def bytes_a_row(file: Path) -> float:
        [(rows,)] = duckdb.execute("select num_rows from parquet_file_metadata($file)", {"file": str(file)}).fetchall()
        return float(file.stat().st_size / rows)

    sizes = {
        "observations, sealed": bytes_a_row(partition(folder)),
        "minutes, sealed": bytes_a_row(partition(folder, "fact_price_minute")),
    }
    plain = folder / "plain.parquet"
    for title, text in _SIZES.items():
        with Warehouse(folder / WAREHOUSE, SOURCE).connect() as connection:
            connection.duck.execute(
                f"copy (select * exclude (date) from ({text})) to '{plain}' (format parquet, compression zstd)",
                {"day": SEALED},
            )
        sizes[title] = bytes_a_row(plain)
    plain.unlink()
    return sizes


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.flat", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--repetitions", type=int, default=15, metavar="N", help="of which medians are taken (15)")
    parser.add_argument("--json", action="store_true", help="print for programs")
    given = parser.parse_args()
    with TemporaryDirectory() as temporary:
        folders = make_histories(Path(temporary))
        minutes = measure_minutes(folders, given.repetitions)
        queries = measure_queries(folders, given.repetitions)
        sizes = measure_sizes(folders[ONE_DAY])
    if given.json:
        parts = {"minute": minutes} | queries
        print(
            json.dumps(
                {part: {name: asdict(one) for name, one in costs.items()} for part, costs in parts.items()}
                | {"bytes a row": sizes}
            )
        )
        return
    show("One more minute: landed, loaded, averaged", minutes, beside=ONE_DAY, memory=False, written=True)
    for title, costs in queries.items():
        show(title, costs, beside=ONE_DAY, memory=False)
    for title, size in sizes.items():
        print(f"{title}: {size:.3f} bytes a row")


if __name__ == "__main__":
    main()
