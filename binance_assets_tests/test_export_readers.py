"""Readers of the export: every one of them finds the same, also while it is replaced, and after any kill."""

from __future__ import annotations

import hashlib
import json
import math
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pytest

from binance_assets.export.publish import publish
from binance_assets.export.versions import current
from binance_assets_tests.klines import DAY, ArchiveStore, candles
from binance_assets_tests.pipeline import HOUR, MINUTE, NOON, PAIRS, ROOT, Pipeline

PUBLICATIONS = 50
KILLS = 20

READERS = Path(os.environ.get("EXPORT_READERS", "none"))
"""A folder with other readers, a folder each: `.ci/run` makes it."""

RUNNER = """
# For each line of input, "number seconds" or "number": marks the tables with the number and publishes them, killed
# after so many seconds. Answers with the exit code (-9 if it was killed) and how long it took. Tables that are named
# are the only ones.
import os, signal, sys, time
from pathlib import Path
from binance_assets.export import contract
from binance_assets.export.publish import publish
from binance_assets.home import Store

if sys.argv[2:]:
    contract.STAR = {name: contract.STAR[name] for name in sys.argv[2:]}
    contract.TABLES = contract.STAR | {"publication": contract.TABLES["publication"]}
    contract.SPREADSHEETS = {name: table for name, table in contract.TABLES.items() if name in contract.SPREADSHEETS}
store = Store(Path(sys.argv[1]), "live")
for line in sys.stdin:
    number, *seconds = line.split()
    with store.warehouse.connect() as connection:
        connection.rows("update mart.fact_price_latest set price = $number", number=int(number))
        connection.rows("update mart.dim_pair set tick_size = $number", number=int(number))
    started = time.monotonic()
    child = os.fork()
    if child == 0:
        publish(store)
        os._exit(0)
    if seconds:
        time.sleep(float(seconds[0]))
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    print(os.waitstatus_to_exitcode(status), time.monotonic() - started, flush=True)
"""

PINNED = """
# Reads whole publications until it is told to stop. Prints how many, or fails with what was wrong.
import sys, time
from pathlib import Path
from binance_assets_tests.test_export_readers import marks_of, whole

export, seen = Path(sys.argv[1]), set()
print("reading", flush=True)
while not (export.parent / "stop").exists():
    folder = (export / "manifest.json").resolve().parent
    whole(folder)
    [mark] = marks_of(folder)
    seen.add(mark)
    time.sleep(0.05)
print(len(seen))
"""

HOLDING = """
# Holds one version's files open, as a BI tool does, and reads them again and again; and each file by its public name.
import sys, time
from pathlib import Path
import duckdb

export = Path(sys.argv[1])
held = [(export / name).open("rb") for name in ("fact_price_latest.parquet", "binance.duckdb")]
first = [stream.read() for stream in held]
kept = duckdb.connect(str(export / "binance.duckdb"), read_only=True)
[kept_mark] = kept.execute("select distinct price from fact_price_latest").fetchall()
print("reading", flush=True)
rounds = 0
while not (export.parent / "stop").exists():
    for stream, content in zip(held, first):
        stream.seek(0)
        assert stream.read() == content
    assert kept.execute("select distinct price from fact_price_latest").fetchall() == [kept_mark]
    with duckdb.connect() as duck:
        rows = duck.execute("select distinct price, price_text from read_parquet($file)",
                            {"file": str(export / "fact_price_latest.parquet")}).fetchall()
        assert len(rows) == 1 and rows[0][0] == float(rows[0][1]), rows
    rounds += 1
    time.sleep(0.05)
print(rounds)
"""


def whole(folder: Path) -> dict[str, Any]:
    """The manifest of a version, all of whose files are there and are what it says."""
    manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert {path.name for path in folder.iterdir()} == {"manifest.json", *(file["name"] for file in manifest["files"])}
    for file in manifest["files"]:
        content = (folder / file["name"]).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (file["bytes"], file["sha256"]), file["name"]
    return manifest


def marks_of(folder: Path) -> set[float]:
    """The numbers with which the tables of a version were marked: one, if they are of one publication."""
    with duckdb.connect(folder / "binance.duckdb", read_only=True) as duck:
        marks = duck.execute(
            "select price from fact_price_latest union select tick_size from dim_pair "
            "union select price from read_parquet($facts) union select tick_size from read_csv($sheet)",
            {"facts": str(folder / "fact_price_latest.parquet"), "sheet": str(folder / "dim_pair.csv")},
        ).fetchall()
    return {mark for (mark,) in marks}


@pytest.fixture
def pipeline(tmp_path: Path) -> Pipeline:
    return filled(tmp_path / "live")


def filled(path: Path) -> Pipeline:
    pipeline = Pipeline(path)
    pipeline.land_info(PAIRS)
    for number in range(3):
        prices = {pair["symbol"]: f"{number + 1}.{n}0000007" for n, pair in enumerate(PAIRS)}
        pipeline.land_prices(prices, NOON + number * HOUR)
        pipeline.land_prices(prices, NOON + number * HOUR + MINUTE)
    pipeline.update()
    return pipeline


@pytest.fixture(scope="module")
def traded(tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    """Published with candles as well, so that every column of a number has one, and no table is empty."""
    path = tmp_path_factory.mktemp("traded") / "live"
    filled(path)
    store = ArchiveStore(path)
    store.land_candles("BTCUSDT", f"{NOON - DAY:%Y-%m-%d}", candles(NOON - DAY, 180))
    store.load_archive()
    store.update()
    publish(store.store)
    return store


class Publisher:
    """Publishes in processes of its own, which can be killed."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def publish(self, number: int, kill_after: float | None = None) -> tuple[int, float]:
        """Exit code (-9 if it was killed), and seconds."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(f"{number} {'' if kill_after is None else kill_after}\n")
        self.process.stdin.flush()
        code, seconds = self.process.stdout.readline().split()
        return int(code), float(seconds)


@contextmanager
def running(program: str, *arguments: Path | str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", program, *map(str, arguments)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process
        assert process.stdin
        process.stdin.close()


def test_publishing_that_is_killed_leaves_the_old_set_or_the_new_one(pipeline: Pipeline) -> None:
    export = pipeline.store.export
    chance, kills, number = random.Random(6), 0, 0
    last: float | None = None
    with running(RUNNER, pipeline.store.path) as process:
        publisher = Publisher(process)
        while kills < KILLS:
            number += 1
            if number in {3, 6}:  # what was killed before was the first; how long it takes depends on the machine
                _, longest = publisher.publish(number)
            else:
                code, _ = publisher.publish(number, chance.uniform(0, longest if number > 3 else 0.5))
                kills += code == -9
                assert code in {0, -9}
            folder = current(export)
            if folder is None:
                assert last is None
                continue
            described = whole(folder)
            [mark] = marks_of(folder)
            assert mark in {number, last}
            for file in described["files"]:
                assert (export / file["name"]).resolve() == folder / file["name"]
            last = mark
        assert publisher.publish(1000)[0] == 0
    assert marks_of(export) == {1000}


def test_readers_are_not_disturbed_by_fifty_publications(pipeline: Pipeline) -> None:
    export = pipeline.store.export
    few = ("dim_currency", "dim_pair", "fact_price_latest")  # enough to be mixed up
    with running(RUNNER, pipeline.store.path, *few) as process:
        publisher = Publisher(process)
        assert publisher.publish(1)[0] == 0
        with running(PINNED, export) as pinned, running(HOLDING, export) as holding:
            for reader in (pinned, holding):
                assert reader.stdout
                assert reader.stdout.readline() == "reading\n"
            try:
                for number in range(2, PUBLICATIONS + 2):
                    assert publisher.publish(number)[0] == 0
            finally:
                (export.parent / "stop").touch()
            for reader in (pinned, holding):
                assert reader.stdout
                assert int(reader.stdout.readline()) > 1
                assert reader.wait(30) == 0
    assert marks_of(export) == {PUBLICATIONS + 1}


# The same for everyone


def summary(reader: str, folder: Path, path: Path | None = None) -> Any:
    """Rows and sums of all tables, as a reader in a process of its own finds them."""
    script = ROOT / ".ci" / "read_export.py"
    environment = os.environ | ({"PYTHONPATH": str(path)} if path else {})
    command = [sys.executable, str(script), reader, str(folder)]
    return json.loads(subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True).stdout)


@pytest.mark.parametrize(
    ("reader", "version"),
    [
        ("duckdb", None),
        ("duckdb-file", None),
        ("polars", None),
        ("duckdb", "duckdb-1.1"),
        ("duckdb-file", "duckdb-1.1"),
        ("duckdb", "duckdb-1.4"),
        ("duckdb-file", "duckdb-1.4"),
        ("pandas", "pyarrow"),
        ("pyarrow", "pyarrow"),
    ],
)
def test_every_reader_finds_the_same_rows_and_sums(traded: Pipeline, reader: str, version: str | None) -> None:
    if version and not (READERS / version).is_dir():
        pytest.skip(f"{version} is not here; `.ci/run` installs it beside the project and names it in EXPORT_READERS")
    folder = current(traded.store.export)
    assert folder
    found = summary(reader, folder, READERS / version if version else None)
    manifest = whole(folder)
    files = {file["name"].removesuffix(".parquet"): file for file in manifest["files"] if ".parquet" in file["name"]}
    assert found.keys() == files.keys()
    with duckdb.connect() as duck:
        for name, table in found.items():
            assert table["rows"] == files[name]["rows"] > 0
            assert table["columns"] == [column["name"] for column in files[name]["columns"]]
            numbers = [column["name"] for column in files[name]["columns"] if column["type"] in {"INTEGER", "DOUBLE"}]
            assert list(table["sums"]) == numbers
            rows = duck.read_parquet(str(folder / f"{name}.parquet"))
            for column, sum_ in table["sums"].items():
                [(expected,)] = rows.sum(f'"{column}"').fetchall()
                assert math.isclose(sum_, float(expected or 0), rel_tol=1e-12), f"{name}.{column}"
            if "volume" in numbers:
                assert table["sums"]["volume"] > 0


@pytest.mark.parametrize("reader", ["pandas", "polars"])
def test_the_csv_files_are_read_with_their_mark(pipeline: Pipeline, reader: str) -> None:
    publish(pipeline.store)
    read = pd.read_csv if reader == "pandas" else pl.read_csv
    with duckdb.connect() as duck:
        for path in pipeline.store.export.glob("*.csv"):
            table = duck.read_parquet(str(path.with_suffix(".parquet")))
            frame = read(path)
            assert list(frame.columns) == table.columns
            [(rows,)] = table.count("*").fetchall()
            assert len(frame) == rows
