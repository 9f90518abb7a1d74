"""Loads landed files of the archive, a month at a time, and makes their candles count."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pandas as pd
from filelock import FileLock, Timeout

from binance_assets.archive.months import Made, Month, make_month
from binance_assets.archive.rest import load_rest_candles
from binance_assets.archive.tables import KLINE, KLINE_HOUR
from binance_assets.archive.zips import ArchiveZip, landed_zips, month_of, read_sidecars, symbol_of
from binance_assets.catalog import month_view
from binance_assets.clock import Clock
from binance_assets.files import sync
from binance_assets.housekeeping.files import sweep
from binance_assets.landing import Landing
from binance_assets.mart.models import find_usdt_ways
from binance_assets.sql import sql
from binance_assets.tables import Table
from binance_assets.warehouse import Connection, Warehouse

_PARTITION = "select partition from meta.kline_month where month = $month"


class ArchiveInUse(Exception):
    """Another process is loading the archive, or has changed the warehouse meanwhile."""


@dataclass(frozen=True)
class LoadedMonth:
    """What loading a month did.

    Attributes:
        month: Such as ``2020-01``.
        files: How many were read.
        refused: How many of them were refused as a whole.
        defects: How many findings there are about them.
        candles: How many the month has now, of all pairs.
    """

    month: str
    files: int
    refused: int
    defects: int
    candles: int


def load_archive(
    warehouse: Warehouse, landing: Landing, on_month: Callable[[LoadedMonth], object] = lambda month: None
) -> list[LoadedMonth]:
    """Load every landed file that is not loaded yet, and put the months together that this changes.

    Each month is a transaction: running this again, also after a kill at any point, neither loses nor doubles anything,
    and ends in the same bytes. The warehouse is open only to look and to register. Files of symbols without metadata
    are registered as waiting, and loaded when there is some.

    Args:
        warehouse: Where the candles count.
        landing: Where the files are.
        on_month: Told of each month when it counts.

    Raises:
        ArchiveInUse: Another process does the same.
        DamagedLanding: A file in the landing folder is not what was landed. The months before it are loaded.
    """
    loaded = []
    with _alone(warehouse):
        with warehouse.connect() as connection:
            load_rest_candles(connection, landing)
            find_usdt_ways(connection)
            connection.run("archive/usdt_ways.sql")
            open_months = {month for (month,) in connection.rows("archive/open_months.sql")}
            new = _new_files(connection, landing)
        for month in sorted(open_months | new.keys()):
            loaded.append(_load_month(warehouse, landing, month, new.get(month, ())))
            on_month(loaded[-1])
        _sweep(warehouse)
    return loaded


def show_months(connection: Connection) -> None:
    """Make the views anew. Belongs into each transaction that changes ``meta.kline_month``."""
    months = connection.rows("select partition, hours from meta.kline_month order by month")
    connection.duck.execute(month_view(KLINE, [partition for partition, _ in months]))
    connection.duck.execute(month_view(KLINE_HOUR, [hours for _, hours in months]))


@contextmanager
def _alone(warehouse: Warehouse) -> Iterator[None]:
    warehouse.lake.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(warehouse.lake / "kline.lock", timeout=0):
            sweep([warehouse.lake / KLINE.bare_name], untouched=timedelta())  # what a killed load has left
            yield
    except Timeout:
        raise ArchiveInUse(
            f"Another process is loading the archive into {warehouse.lake}. What it does not load, the next load does."
        ) from None


def _new_files(connection: Connection, landing: Landing) -> Mapping[str, Sequence[str]]:
    """The files that can be loaded and are not, by month. Those that have to wait for metadata are registered so."""
    known = {file: (state, at) for file, state, at in connection.rows("archive/known_files.sql")}
    described = {symbol for (symbol,) in connection.rows("select symbol from core.pair")}
    new: dict[str, list[str]] = {}
    waiting = []
    for file, written_at in landed_zips(landing).items():
        state, loaded_at = known.get(file, ("waiting", written_at))
        if symbol_of(file) not in described:
            if file not in known:
                waiting.append(file)
        elif state == "waiting" or written_at >= loaded_at:
            new.setdefault(month_of(file), []).append(file)
    if waiting:
        with connection.transaction():
            _note_waiting(connection, read_sidecars(landing, waiting))
    return new


def _note_waiting(connection: Connection, waiting: Sequence[ArchiveZip]) -> None:
    columns = ("file", "file_key", "symbol", "scope", "month", "url", "sha256", "size_bytes", "retrieved_at")
    rows = [{name: getattr(archived, name) for name in columns} | {"first_day": archived.first} for archived in waiting]
    frame = pd.DataFrame(rows).assign(
        last_modified=pd.Series([archived.last_modified for archived in waiting], dtype="datetime64[us]")
    )
    connection.duck.register("waiting", frame)
    connection.run("archive/waiting.sql")
    connection.duck.unregister("waiting")


def _load_month(warehouse: Warehouse, landing: Landing, month: str, new: Sequence[str]) -> LoadedMonth:
    began_at = Clock().now()
    staging = warehouse.lake / KLINE.bare_name / f".{uuid4().hex}"
    staging.mkdir(parents=True)
    try:
        with warehouse.connect() as connection:
            due = _gather(connection, landing, month, read_sidecars(landing, new), staging)
        made = make_month(landing, due, warehouse.path.parent, staging)
        return _commit(warehouse, due, made, began_at)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _gather(connection: Connection, landing: Landing, month: str, new: Sequence[ArchiveZip], staging: Path) -> Month:
    """What a month is to be made of, now that some files are new.

    Of a pair that has nothing but daily files the candles that there are stay, and those of other days are put beside
    them. Any other pair of which something is new is put together from all that there is of it.
    """
    pair_ids = dict(connection.rows("select symbol, pair_id from core.pair"))
    opened = {
        pair_id
        for (pair_id,) in connection.rows("select pair_id from meta.open_kline_month where month = $month", month=month)
    }
    touched = sorted(opened | {pair_ids[archived.symbol] for archived in new})
    counting = connection.rows("archive/counting_files.sql", month=month, pair_ids=touched)
    known = read_sidecars(landing, [file for file, _ in counting])
    files = {archived: pair_ids[archived.symbol] for archived in (*new, *known)}
    with_rest = {pair_id for (pair_id,) in connection.rows("archive/pairs_with_rest.sql", month=month)}
    landed_again = {pair_ids[archived.symbol] for archived in new if archived in known}
    renewed = opened | _overlapping(files) | (with_rest & set(touched)) | landed_again
    _write_input(connection, staging, "quotes", "archive/quotes.sql")
    _write_input(connection, staging, "rest", "archive/rest.sql", month=month)
    _write_input(connection, staging, "usdt_way", "from meta.usdt_way where is_of_quote")
    return Month(
        name=month,
        files={archived: pair for archived, pair in files.items() if archived in new or pair in renewed},
        counting=frozenset(known),
        renewed=sorted(renewed),
        partition=connection.value(_PARTITION, month=month),
        inputs=staging,
    )


def _overlapping(files: Mapping[ArchiveZip, int]) -> set[int]:
    """Pairs that have a monthly file, or several versions of a daily one."""
    versions = Counter((pair, archived.first) for archived, pair in files.items())
    return {
        pair for archived, pair in files.items() if archived.scope == "monthly" or versions[pair, archived.first] > 1
    }


def _write_input(connection: Connection, staging: Path, name: str, query: str, **parameters: object) -> None:
    text = sql(query) if query.endswith(".sql") else query
    connection.duck.query(text, params=parameters or None).write_parquet(str(staging / f"{name}.parquet"))


def _commit(warehouse: Warehouse, due: Month, made: Made, began_at: datetime) -> LoadedMonth:
    """Put the partition in its place, and make it count together with what was found out about the files."""
    found = {"files": str(made.files), "defects": str(made.defects)}
    with warehouse.connect() as connection, connection.transaction():
        if connection.value(_PARTITION, month=due.name) != due.partition:
            raise ArchiveInUse(f"{warehouse.path} was made anew while {due.name} was put together. Load again.")
        partition, hours = (
            _place(warehouse, table, due.name, staged) if staged else None
            for table, staged in ((KLINE, made.partition), (KLINE_HOUR, made.hours))
        )
        connection.run("archive/register.sql", month=due.name, loaded_at=began_at, **found)
        connection.run("archive/usdt_ways.sql")
        connection.run(
            "archive/registered.sql", month=due.name, partition=partition, hours=hours, row_count=made.row_count
        )
        show_months(connection)
        connection.run("archive/days.sql", month=due.name)
        [(files, refused, defects)] = connection.rows("archive/outcome_counts.sql", **found)
    return LoadedMonth(due.name, files, refused, defects, made.row_count)


def _place(warehouse: Warehouse, table: Table, month: str, staged: Path) -> str:
    """Move a partition to where it belongs. Its name no other content has, and no view knows it yet."""
    place = warehouse.lake / table.bare_name / f"month={month}" / staged.name
    place.parent.mkdir(parents=True, exist_ok=True)
    staged.replace(place)
    sync(place.parent)
    return place.relative_to(warehouse.path.parent).as_posix()


def _sweep(warehouse: Warehouse) -> None:
    """Remove partitions that do not count any more, or were never made to count."""
    with warehouse.connect() as connection:
        counting = {name for row in connection.rows("select partition, hours from meta.kline_month") for name in row}
    for table in (KLINE, KLINE_HOUR):
        for path in (warehouse.lake / table.bare_name).glob("month=*/*.parquet"):
            if path.relative_to(warehouse.path.parent).as_posix() not in counting:
                path.unlink()
