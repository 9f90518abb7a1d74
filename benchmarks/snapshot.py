"""What one whole-market snapshot costs the pipeline, beside a plain script that does the same with pandas.

No waiting for the exchange is in it: the responses are made beforehand. All three do in turn, for each snapshot of
about 3,500 pairs, in a warm process: keep its prices, add them to a table, average its minute.

- The plain script writes two Parquet files and a table, and nothing else: prices are floats, nothing is checked, and
  running it again stores everything twice.
- The library functions land the response durably, load it, judge every row, store exact prices by pair, make the
  minute rows with gaps and prices in USDT and the latest prices with ranks, and hold every table to its declaration.
- The Dagster run is the job that imports a file: all of that, the dimensions, every check, the export, and a record
  of each step in the UI's database.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import pandas as pd

from benchmarks.market import START, describe, exchange_info, prices
from benchmarks.measure import Cost, cost, medians, show
from binance_assets import runs
from binance_assets.catalog import TABLES
from binance_assets.checks import Findings, check_declaration, check_references
from binance_assets.collector.minutes import bring_up_to_date
from binance_assets.home import Home
from binance_assets.landing import Capture

CARRY_LIMIT_SECONDS = 300

_KEEP = """
    create table if not exists price (symbol varchar, price double, observed_at timestamp);
    insert into price select symbol, price, observed_at from frame
"""


class PlainScript:
    """Pandas, a DuckDB file as a table of prices, and no orchestration."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, body: bytes, at: datetime) -> None:
        """Process one response."""
        frame = pd.DataFrame(json.loads(body)).astype({"price": float}).assign(observed_at=at)
        minute = at.replace(second=0)
        with duckdb.connect(self.folder / "prices.duckdb") as duck:
            duck.register("frame", frame)
            duck.execute(_KEEP)
            observed = duck.execute(
                "select * from price where observed_at >= ? and observed_at < ? order by observed_at",
                [minute, minute + timedelta(minutes=1)],
            ).df()
            averages = observed.groupby("symbol")["price"].agg(["mean", "first", "max", "min", "last", "count"])
            # Pandas needs one more package to write Parquet; DuckDB is at hand.
            duck.from_df(frame).write_parquet(str(self.folder / "latest.parquet"))
            duck.from_df(averages.reset_index()).write_parquet(
                str(self.folder / f"minute_{minute:%Y%m%dT%H%M}.parquet")
            )


class Library:
    """The pipeline's functions, called one after the other."""

    def __init__(self, home: Home) -> None:
        self.store = home.store("sandbox")
        with self.store.warehouse.connect() as connection:
            describe(connection, self.store.landing, self.store.source)

    def __call__(self, body: bytes, at: datetime) -> None:
        """Process one response."""
        self.store.landing.land(Capture("ticker/price", self.store.source, at, body))
        findings = Findings()
        with self.store.warehouse.connect() as connection:
            bring_up_to_date(connection, self.store.landing, CARRY_LIMIT_SECONDS)
            for table in TABLES:
                check_declaration(connection, table, findings)
                check_references(connection, table, findings)
        if findings.count:
            raise RuntimeError(f"{findings.count} rows break their table's declaration: {findings.rules}")


class DagsterRun:
    """The job that imports files, as `binance-assets import` runs it."""

    def __init__(self, home: Home) -> None:
        self.home = home
        metadata = home.path / "exchange_info.json"
        metadata.write_bytes(exchange_info(START))
        self._run(metadata)

    def __call__(self, body: bytes, at: datetime) -> None:
        """Process one response."""
        file = self.home.path / "prices.json"
        file.write_bytes(body)
        self._run(file, at)

    def _run(self, file: Path, at: datetime | None = None) -> None:
        config = {"files": [str(file)], "retrieved_at": at.isoformat() if at else None}
        runs.execute(self.home, "import_files", source="live", config={"landing__imported_file": {"config": config}})


def measure(repetitions: int) -> dict[str, Cost]:
    """Give each of them one snapshot a minute, in turn; the first one is not counted."""
    with TemporaryDirectory() as temporary:
        home = Home(Path(temporary, "home"))
        home.path.mkdir()
        os.environ |= {"BINANCE_ASSETS_HOME": str(home.path), "DAGSTER_HOME": str(home.path / "dagster")}
        contenders: dict[str, Callable[[bytes, datetime], None]] = {
            "plain script": PlainScript(Path(temporary)),
            "library functions": Library(home),
            "Dagster run": DagsterRun(home),
        }
        costs: dict[str, list[Cost]] = {name: [] for name in contenders}
        for number in range(repetitions + 1):
            at = START + timedelta(minutes=number, seconds=1)
            body = prices(at)
            for name, process in contenders.items():
                spent = cost(process, body, at)
                if number:
                    costs[name].append(spent)
    return {name: medians(each) for name, each in costs.items()}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.snapshot", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--repetitions", type=int, default=7, metavar="N", help="of which medians are taken (7)")
    parser.add_argument("--json", action="store_true", help="print for programs")
    arguments = parser.parse_args()
    costs = measure(arguments.repetitions)
    if arguments.json:
        print(json.dumps({name: asdict(one) for name, one in costs.items()}))
    else:
        show("One whole-market snapshot", costs, beside="plain script", memory=False)


if __name__ == "__main__":
    main()
