"""The lake: days that are over, each table's in one Parquet file, sorted by pair and time.

::

    lake/price_history/date=2026-11-20/data.parquet

The rows of the newest days are in the tables of the schema ``open``; the views (``warehouse/lake.sql``) span both.
Which day is where is said by ``meta.sealed_partition``, whose rows are written, and the views made anew, in the
transaction that drops the open rows: a file in the lake that it does not name is not read, so that a crash at any point
loses and doubles nothing.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from uuid import uuid4

import duckdb
from duckdb import ColumnExpression, ConstantExpression, DuckDBPyRelation, FunctionExpression

from binance_assets.catalog import SEALED, lake_view
from binance_assets.files import sync
from binance_assets.sql import sql
from binance_assets.tables import Table
from binance_assets.warehouse import Connection, Warehouse

REACH = timedelta(hours=12)
"""How far an observation reaches: a pair's silence up to this long is shown minute by minute, so what comes for one day
may change rows of its neighbours, and a day is sealed when this much of the next one is there, too."""

_SORTING_MEMORY = "256MB"
"""More than this is sorted on disk, beside the collector and the runs that need memory too."""

_ROWS_AT_ONCE = 500_000
"""So many rows are read while the file is held open, or an hour's of one table: the collector waits for as long."""

_COMMIT = ".commit-"

_GONE = ".gone"
"""Marks a table that had a partition of a day, and has none any more."""

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


class NotSealed(Exception):
    """A sealed partition does not hold what is in the open table; nothing was dropped."""


@dataclass(frozen=True)
class Partition:
    """One table's day in the lake."""

    table: str
    day: date
    rows: int
    bytes: int


def sealable_days(connection: Connection) -> list[date]:
    """The days that are over, past the limit for late data, and completely averaged; oldest first."""
    return [day for (day,) in connection.rows("lake/sealable_days.sql", reach=REACH)]


def seal(warehouse: Warehouse, day: date) -> list[Partition]:
    """Move a day from the open tables into the lake.

    The file is held open for some hours' rows at a time, and once more for as long as it takes to compare the
    partitions with the rows that they replace.

    Raises:
        NotSealed: A partition differs from the open rows, because a row came meanwhile or the disk is not to be
            trusted. The open rows stay; trying again is all right.
    """
    staging = warehouse.lake / f".{uuid4().hex}"
    staging.mkdir(parents=True)
    try:
        pieces = _write_pieces(warehouse, day, staging)
        with duckdb.connect(config={"temp_directory": str(staging), "memory_limit": _SORTING_MEMORY}) as duck:
            duck.execute("set threads = 1")  # which keeps the order of the pieces
            duck.execute("set preserve_insertion_order = false")  # without which a row group has no limit of bytes
            partitions = {table: _merge(duck, table, pieces[table], staging) for table in SEALED if pieces[table]}
        return _commit(warehouse, day, staging, partitions)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def reopen(connection: Connection, first_at: datetime, last_at: datetime) -> int:
    """Take the sealed days that observations from ``first_at`` to ``last_at`` may change back into the open tables.

    Belongs into the transaction that adds the observations.

    Returns:
        The number of partitions.
    """
    span = {"first_day": (first_at - REACH).date(), "last_day": (last_at + REACH).date()}
    partitions = connection.rows("lake/sealed_partitions.sql", **span)
    declared = {table.bare_name: table for table in SEALED}
    for name, day in partitions:
        rows = connection.duck.read_parquet(f"lake/{name}/date={day}/data.parquet", hive_partitioning=False)
        rows.select(*declared[name].stored_columns).insert_into(declared[name].open_name)
    if partitions:
        connection.run("lake/reopened.sql", **span)
        show_sealed_days(connection)
    return len(partitions)


def show_sealed_days(connection: Connection) -> None:
    """Make the views anew. Belongs into each transaction that changes ``meta.sealed_partition``."""
    days: dict[str, list[date]] = {}
    for table, day in connection.rows('select "table", date from meta.sealed_partition order by date'):
        days.setdefault(table, []).append(day)
    for declared in SEALED:
        connection.duck.execute(lake_view(declared, days.get(declared.bare_name, ())))


def _write_pieces(warehouse: Warehouse, day: date, staging: Path) -> Mapping[Table, list[Path]]:
    """The day's rows, an hour's in a file, in order of the hours."""
    pieces: dict[Table, list[Path]] = {table: [] for table in SEALED}
    for some in _batches(_filled_hours(warehouse, day)):
        with warehouse.connect() as connection:
            for hour, table in some:
                piece = staging / f"{table.bare_name}-{hour:%H}.parquet"
                rows = _open_rows(connection, table, hour, hour + HOUR)
                (_sorted(table, rows) if table.is_sorted_by_hour else rows).write_parquet(str(piece))
                pieces[table].append(piece)
    return pieces


def _sorted(table: Table, rows: DuckDBPyRelation) -> DuckDBPyRelation:
    return rows.order(", ".join(f'"{column}"' for column in table.lake_order))


def _filled_hours(warehouse: Warehouse, day: date) -> list[tuple[datetime, Table, int]]:
    """The hours of a day in order, the tables that have open rows of them, and how many."""
    since = datetime.combine(day, time())
    filled: list[tuple[datetime, Table, int]] = []
    with warehouse.connect() as connection:
        for table in SEALED:
            rows = _open_rows(connection, table, since, since + DAY)
            hours = rows.aggregate(f"date_trunc('hour', \"{table.time_column}\") as hour, count(*)").fetchall()
            filled += [(hour, table, count) for hour, count in hours]
    return sorted(filled, key=lambda it: it[0])


def _batches(filled: Iterable[tuple[datetime, Table, int]]) -> Iterator[list[tuple[datetime, Table]]]:
    """What is read at once."""
    batch: list[tuple[datetime, Table]] = []
    size = 0
    for hour, table, count in filled:
        if batch and size + count > _ROWS_AT_ONCE:
            yield batch
            batch, size = [], 0
        batch.append((hour, table))
        size += count
    if batch:
        yield batch


def _merge(duck: duckdb.DuckDBPyConnection, table: Table, pieces: Sequence[Path], staging: Path) -> Path:
    """The pieces as one file, durably; and what it holds, beside it."""
    partition = staging / f"{table.bare_name}.parquet"
    rows = duck.read_parquet([str(piece) for piece in pieces])
    (rows if table.is_sorted_by_hour else _sorted(table, rows)).create_view("day")
    duck.execute(sql("lake/partition.sql"), {"path": str(partition)})
    held = duck.read_parquet(str(partition), hive_partitioning=False)
    _summary(table, held).write_parquet(str(_summary_of(partition)))
    for piece in pieces:
        piece.unlink()
    sync(partition)
    return partition


def finish_commits(lake: Path) -> None:
    """Put the partitions in their places that a crash has left compared, and only some of them placed.

    The warehouse has the rows of such a day open still, and does not need it; one that is made from the lake does.
    """
    for folder in lake.glob(f"{_COMMIT}*"):
        _place(lake, folder)


def _place(lake: Path, folder: Path) -> None:
    """Move the partitions of a day, which are whole, from a folder that names the day to where they belong.

    Those of tables that had rows of this day once, and have none any more, go: a rebuild would take them over.
    """
    day = folder.name.removeprefix(_COMMIT)
    for staged in folder.glob("*.parquet"):
        place = _place_of(lake, staged.stem, day)
        place.parent.mkdir(parents=True, exist_ok=True)
        staged.replace(place)
        sync(place.parent)
    for mark in folder.glob(f"*{_GONE}"):
        place = _place_of(lake, mark.stem, day)
        place.unlink(missing_ok=True)
        sync(place.parent)
    shutil.rmtree(folder)


def _place_of(lake: Path, table: str, day: date | str) -> Path:
    return lake / table / f"date={day}" / "data.parquet"


def _commit(warehouse: Warehouse, day: date, staging: Path, partitions: Mapping[Table, Path]) -> list[Partition]:
    """Put the partitions in their places and drop the rows that they replace, having compared the two."""
    since = datetime.combine(day, time())
    sealed = []
    with warehouse.connect() as connection, connection.transaction():
        for table in SEALED:
            if table not in partitions and _open_rows(connection, table, since, since + DAY).limit(1).fetchall():
                raise _not_sealed(table, day)
        for table, staged in partitions.items():
            held = connection.duck.read_parquet(str(_summary_of(staged)))
            if _differ(held, _summary(table, _open_rows(connection, table, since, since + DAY))):
                raise _not_sealed(table, day)
            rows = _row_count(staged)
            connection.run("lake/sealed.sql", table=table.bare_name, date=day, row_count=rows)
            sealed.append(Partition(table.bare_name, day, rows, staged.stat().st_size))
        sealed_tables = {name for name, _ in connection.rows("lake/sealed_partitions.sql", first_day=day, last_day=day)}
        for table in SEALED:
            if table.bare_name not in sealed_tables and _place_of(warehouse.lake, table.bare_name, day).exists():
                (staging / f"{table.bare_name}{_GONE}").touch()
        compared = warehouse.lake / f"{_COMMIT}{day}"
        shutil.rmtree(compared, ignore_errors=True)
        staging.rename(compared)
        sync(warehouse.lake)
        _place(warehouse.lake, compared)
        connection.run("lake/drop_open_rows.sql", since=since, until=since + DAY)
        show_sealed_days(connection)
    return sealed


def _not_sealed(table: Table, day: date) -> NotSealed:
    return NotSealed(
        f"The {day} of {table.name} is not sealed: what was written for the lake differs from {table.open_name}, "
        "probably because a late row came meanwhile. It stays open; the next sealing tries again."
    )


def _open_rows(connection: Connection, table: Table, since: datetime, until: datetime) -> DuckDBPyRelation:
    """What is to be sealed of a span of time."""
    at = ColumnExpression(table.time_column or "")
    rows = connection.relation(table.open_name).filter(
        (at >= ConstantExpression(since)) & (at < ConstantExpression(until))
    )
    if table.stays_open:
        rows = rows.filter(f"not {table.stays_open}")
    return rows


def _summary(table: Table, rows: DuckDBPyRelation) -> DuckDBPyRelation:
    """Row count and checksum over all columns for each pair (or what else the table is sorted by first)."""
    part = table.lake_order[0]
    columns = [ColumnExpression(column) for column in table.stored_columns]
    return rows.select(ColumnExpression(part), FunctionExpression("hash", *columns).alias("checksum")).aggregate(
        f'"{part}", count(*) as row_count, sum(checksum) as checksum', f'"{part}"'
    )


def _differ(one: DuckDBPyRelation, other: DuckDBPyRelation) -> bool:
    return bool(one.except_(other).limit(1).fetchall() or other.except_(one).limit(1).fetchall())


def _summary_of(partition: Path) -> Path:
    return partition.with_suffix(".summary")


def _row_count(path: Path) -> int:
    [(rows,)] = duckdb.execute("select num_rows from parquet_file_metadata($path)", {"path": str(path)}).fetchall()
    return int(rows)
