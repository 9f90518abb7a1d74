"""What `docs/connect.md` tells people to write: run as it stands there, on a real export."""

from __future__ import annotations

import codecs
import csv
import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from binance_assets.export import contract
from binance_assets.export.publish import publish
from binance_assets.export.selection import Scope
from binance_assets_tests.pipeline import MINUTE, NOON, PAIRS, ROOT, Pipeline
from binance_assets_tests.test_export_readers import READERS

TEXT = (ROOT / "docs" / "connect.md").read_text(encoding="utf-8")

BLOCKS = dict(re.findall(r"^## ([^\n]+)\n(?:(?!^## ).)*?^```python\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE))
"""The programs by the headings that they stand below."""

SHOW = {
    "pandas": "[(at.to_pydatetime(), None if pd.isna(price) else price) for at, price in prices.items()]",
    "Polars": "[(row[0], row[1]) for row in prices.rows()]",
    "DuckDB in Python": "[(row[0], row[1]) for row in prices]",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `data/live/export`: of BTCUSDT four minutes, of which the second and third are a gap."""
    folder = tmp_path_factory.mktemp("connect")
    pipeline = Pipeline(folder / "data" / "live")
    pipeline.land_info(PAIRS)
    for number, price in ((0, "60000.00000001"), (3, "60003.5")):
        pipeline.land_prices({"BTCUSDT": price, "ETHBTC": "0.05"}, NOON + number * MINUTE)
    pipeline.update()
    publish(pipeline.store, Scope(watch_list=("BTCUSDT", "ETHBTC")))
    return folder


def test_every_program_of_the_document_is_run() -> None:
    assert set(BLOCKS) == set(SHOW)
    assert TEXT.count("```python") == len(BLOCKS)


@pytest.mark.parametrize("tool", BLOCKS)
def test_a_program_of_the_document_finds_the_minutes_and_their_gap(folder: Path, tool: str) -> None:
    environment = dict(os.environ)
    if tool == "pandas" and not importlib.util.find_spec("pyarrow"):
        if not (READERS / "pyarrow").is_dir():
            pytest.skip("pyarrow is not here; `.ci/run` installs it beside the project and names it in EXPORT_READERS")
        environment["PYTHONPATH"] = str(READERS / "pyarrow")
    program = f"{BLOCKS[tool]}\nprint({SHOW[tool]})"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    expected = [
        (NOON, 60000.00000001),
        (NOON + MINUTE, None),
        (NOON + 2 * MINUTE, None),
        (NOON + 3 * MINUTE, 60003.5),
    ]
    assert done.stdout.strip() == repr(expected)


def test_the_sql_of_the_document_runs_on_the_files_and_on_the_database(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    [path, command] = re.findall(r'^duckdb -readonly (\S+) -c "([^"]+)"$', TEXT, re.MULTILINE)[0]
    with duckdb.connect(path, read_only=True) as duck:
        assert duck.execute(command).fetchall() == [("live", False, NOON + 3 * MINUTE)]
    [block] = re.findall(r"^```sql\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)
    with duckdb.connect() as duck:
        assert duck.execute(block).fetchall() == [("BTCUSDT", 60003.5, "60003.50000000")]


def test_what_the_document_names_is_in_the_export(folder: Path) -> None:
    """The tables, files and columns, also those that only tools are told of which are not here."""
    export = folder / "data" / "live" / "export"
    for file in re.findall(r"`(\w+\.(?:csv|parquet|duckdb|json))`", TEXT):
        assert (export / file).exists() or file == "warehouse.duckdb", file
    columns = {column.name for table in contract.TABLES.values() for column in contract.columns(table)}
    named = set(re.findall(r"`([a-z]+_[a-z_]+)`", TEXT))
    assert named <= columns | contract.TABLES.keys(), named - columns
    assert len(named) > 8
    sheet = (export / "fact_price_latest.csv").read_bytes()
    assert sheet.startswith(codecs.BOM_UTF8), "by which Excel finds the code page by itself"
    [price] = [row["price"] for row in csv.DictReader(sheet.decode("utf-8-sig").splitlines()) if row["price"] > "1"]
    assert float(price) == 60003.5
    with (export / "publication.csv").open(encoding="utf-8-sig", newline="") as stream:
        assert [row["simulated"] for row in csv.DictReader(stream)] == ["false"]
