"""Loading landed monthly zips of the archive, beside DuckDB and pandas reading the same files unzipped.

The candles are those of the sandbox's archive, of pairs in USDT. Each contender runs in fresh processes, in turn with
the others; before anything is timed, what DuckDB alone has stored is compared with what the project has.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import os
import shutil
import sys
import zipfile
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import pandas as pd

from benchmarks.market import describe
from benchmarks.measure import Cost, cost, in_fresh_process, medians, show
from binance_assets.archive.load import load_archive
from binance_assets.archive.zips import landed_zips, read_sidecars
from binance_assets.landing import Landing
from binance_assets.sandbox.archive import Archive
from binance_assets.sandbox.market import DEFAULT_SEED, Market
from binance_assets.warehouse import Warehouse

SOURCE = "sandbox"
MONTH = "2025-03"
AS_OF = datetime(2025, 6, 1, tzinfo=UTC)
FILES = 48
MORE_FILES = (24, 48, 96, 144)
"""Of which memory is compared."""

RESULT = "result.parquet"

_BARE = """
    copy (
        select
            file.pair_id, make_timestamp(open_time) as open_at, open_at::date as date, open_price, high_price,
            low_price, close_price, volume, quote_volume, trade_count, taker_buy_volume, taker_buy_quote_volume,
            'archive' as source, file.file_key, 1::double as usdt_rate, 'USDT' as usdt_path
        from
            read_csv(
                $files, header = false, auto_detect = false, filename = true,
                columns = {
                    open_time: 'bigint', open_price: 'decimal(18, 8)', high_price: 'decimal(18, 8)',
                    low_price: 'decimal(18, 8)', close_price: 'decimal(18, 8)', volume: 'decimal(38, 8)',
                    close_time: 'bigint', quote_volume: 'decimal(38, 8)', trade_count: 'integer',
                    taker_buy_volume: 'decimal(38, 8)', taker_buy_quote_volume: 'decimal(38, 8)', ignored: 'varchar'
                }
            ) as candle
        inner join file on candle.filename = file.path
        order by file.pair_id, open_at
    ) to $result (format parquet, compression zstd, compression_level 6)
"""
_COLUMNS = (
    "open_time", "open_price", "high_price", "low_price", "close_price", "volume", "close_time", "quote_volume",
    "trade_count", "taker_buy_volume", "taker_buy_quote_volume", "ignored",
)  # fmt: skip


def make_files(folder: Path, count: int) -> None:
    """Land monthly files of some pairs in a store that knows them, and unzip them beside it."""
    warehouse, landing = _store(folder)
    (folder / "csv").mkdir()
    with warehouse.connect() as connection:
        describe(connection, landing, SOURCE)
        symbols = connection.rows(
            "select symbol from core.pair inner join core.currency on quote_currency_id = currency_id "
            "where code = 'USDT' order by pair_id"
        )
    archive = Archive(Market.of(DEFAULT_SEED))
    made = 0
    for (symbol,) in symbols:
        name = f"{symbol}-1m-{MONTH}"
        answer = archive.answer(f"data/spot/monthly/klines/{symbol}/1m/{name}.zip", {}, int(AS_OF.timestamp() * 1000))
        if answer.status != 200 or made == count:
            continue
        with zipfile.ZipFile(io.BytesIO(answer.raw)) as made_zip:
            text = made_zip.read(f"{name}.csv")
        (folder / "csv" / f"{name}.csv").write_bytes(text)
        _land(landing, symbol, name, text)
        made += 1
    archive.close()


def ours(folder: Path) -> Cost:
    """The project's step: from the zips; also checksums, every rule of a candle, rates in USDT, sorted, registered."""
    copy = folder / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(folder / "store", copy, copy_function=os.link)
    (copy / "warehouse.duckdb").unlink()
    shutil.copy(folder / "store" / "warehouse.duckdb", copy)
    spent = cost(load_archive, Warehouse(copy / "warehouse.duckdb", SOURCE), Landing(copy / "landing"))
    [partition] = copy.glob("lake/kline/*/*.parquet")
    partition.replace(folder / RESULT)
    return spent


def bare(folder: Path) -> Cost:
    """DuckDB reading the CSV files into the same, sorted Parquet file."""
    files = _files(folder)

    def run() -> None:
        with duckdb.connect() as duck:
            duck.register("file", files)
            duck.execute(_BARE, {"files": list(files["path"]), "result": str(folder / RESULT)})

    return cost(run)


def pandas_per_file(folder: Path) -> Cost:
    """Pandas reading each file, prices as doubles, nothing stored."""
    paths = sorted((folder / "csv").iterdir())
    return cost(lambda: [pd.read_csv(path, header=None, names=list(_COLUMNS)) for path in paths])


CONTENDERS: dict[str, Callable[[Path], Cost]] = {
    "binance_assets: load_archive": ours,
    "DuckDB read_csv": bare,
    "pandas read_csv": pandas_per_file,
}


def measure_loading(repetitions: int) -> dict[str, Cost]:
    """Compare DuckDB's candles with the project's, then time all in turn."""
    costs: dict[str, list[Cost]] = {name: [] for name in CONTENDERS}
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        in_fresh_process(make_files, folder, FILES)
        in_fresh_process(ours, folder)
        reference = (folder / RESULT).rename(folder / "reference.parquet")
        in_fresh_process(bare, folder)
        if different := in_fresh_process(differences, folder / RESULT, reference):
            sys.exit(f"{different} candles of DuckDB and of binance_assets are not the same. Nothing was timed.")
        for _ in range(repetitions):
            for name, contender in CONTENDERS.items():
                costs[name].append(in_fresh_process(contender, folder))
    return {name: medians(each) for name, each in costs.items()}


def measure_memory() -> dict[str, Cost]:
    """Load more and more files."""
    costs = {}
    for count in MORE_FILES:
        with TemporaryDirectory() as temporary:
            in_fresh_process(make_files, Path(temporary), count)
            costs[f"{count} files"] = in_fresh_process(ours, Path(temporary))
    return costs


def differences(result: Path, reference: Path) -> int:
    """How many rows are in only one of two files."""
    files = {"result": str(result), "reference": str(reference)}
    [(different,)] = duckdb.execute(
        """
        with result as (from read_parquet($result)), reference as (from read_parquet($reference))
        select (select count(*) from (from result except all from reference))
            + (select count(*) from (from reference except all from result))
        """,
        files,
    ).fetchall()
    return int(different)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.archive", description=__doc__)
    parser.add_argument("--repetitions", type=int, default=3, metavar="N", help="of which medians are taken (3)")
    parser.add_argument("--json", action="store_true", help="print for programs")
    arguments = parser.parse_args()
    loading = measure_loading(arguments.repetitions)
    memory = measure_memory()
    if arguments.json:
        parts = {"loading": loading, "memory": memory}
        print(json.dumps({part: {name: asdict(one) for name, one in costs.items()} for part, costs in parts.items()}))
    else:
        show(f"Loading {FILES} monthly files, 44,640 candles each", loading, beside="DuckDB read_csv")
        show("Loading more files of a month", memory, beside=f"{MORE_FILES[0]} files")


def _store(folder: Path) -> tuple[Warehouse, Landing]:
    return Warehouse(folder / "store" / "warehouse.duckdb", SOURCE), Landing(folder / "store" / "landing")


def _land(landing: Landing, symbol: str, name: str, text: bytes) -> None:
    """As a download lands it; compressed as usual, which the sandbox does not take the time for."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr(f"{name}.csv", text)
    digest = hashlib.sha256(content.getvalue()).hexdigest()
    place = landing.path / "archive" / symbol / "monthly" / f"{name}.{digest[:16]}.zip"
    place.parent.mkdir(parents=True)
    place.write_bytes(content.getvalue())
    told = {
        "url": f"http://localhost/{name}.zip",
        "sha256": digest,
        "size": len(content.getvalue()),
        "last_modified": AS_OF.isoformat(),
        "retrieved_at": AS_OF.isoformat(),
    }
    place.with_name(f"{place.name}.json").write_text(json.dumps(told), encoding="utf-8")


def _files(folder: Path) -> pd.DataFrame:
    """The unzipped files, with the keys that the project has for them."""
    warehouse, landing = _store(folder)
    with warehouse.connect() as connection:
        pair_ids = dict(connection.rows("select symbol, pair_id from core.pair"))
    zips = read_sidecars(landing, landed_zips(landing))
    rows = [(str(folder / "csv" / f"{it.stem}.csv"), pair_ids[it.symbol], it.file_key) for it in zips]
    return pd.DataFrame(rows, columns=["path", "pair_id", "file_key"]).sort_values("pair_id")


if __name__ == "__main__":
    # Fresh processes find functions by the name of their module, which here is another one.
    from benchmarks.archive import main as main_of_module

    main_of_module()
