"""Puts a month of candles together, from files that have come for it and from the partition that there is.

All of it happens in a DuckDB of its own, some pairs at a time, so that memory depends neither on the number of files
nor on that of pairs, and the warehouse is free meanwhile. What comes out depends on the files that count, and on
nothing else: neither on the order in which they came, nor on how often it was broken off.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import duckdb

from binance_assets.archive.reading import read_files
from binance_assets.archive.zips import ArchiveZip, DamagedLanding
from binance_assets.files import sync
from binance_assets.landing import Landing
from binance_assets.warehouse import Connection

MEMORY = "1GB"
"""For DuckDB; it takes about half of it."""

BATCH_ROWS = 2_250_000
"""About how many candles are put together at a time: those of whole pairs, of fifty in a whole month."""

_ROW_GROUP = 122_880
"""Rows that DuckDB stores together. A piece has a multiple of it, so that it does not show where one has ended."""

SMALL_ROW_GROUP = 20_480
"""Rows of a group in the file of a month that is put together at once, half of a pair's: to read a day of it, little
more has to be unpacked. The file of many more pairs would have too many groups to find one quickly."""

_MINUTE = timedelta(minutes=1)

_DUCKDB: dict[str, str | bool | int | float | list[str]] = {
    "memory_limit": MEMORY,
    "python_enable_replacements": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
}


@dataclass(frozen=True)
class Month:
    """What a month is to be made of.

    Attributes:
        name: Such as ``2020-01``.
        files: To be read, with the pair of each: those that are new, and those that count, of every renewed pair.
        counting: Those of the files that count now, so that they must not be refused.
        renewed: Pairs of which nothing is kept from the partition that there is.
        partition: The one that there is, relative to the warehouse's folder.
        inputs: A folder with Parquet files of the warehouse: ``quotes``, ``rest``, ``usdt_way``.
    """

    name: str
    files: Mapping[ArchiveZip, int]
    counting: frozenset[ArchiveZip]
    renewed: Sequence[int]
    partition: str | None
    inputs: Path


@dataclass(frozen=True)
class Made:
    """A month that was put together, durably, in Parquet files.

    Attributes:
        partition: The candles, in a file that has a hash of its content as its name; None if there are none.
        hours: Their hours, likewise.
        row_count: How many candles.
        files: What became of each file that was read.
        defects: What is wrong in them.
    """

    partition: Path | None
    hours: Path | None
    row_count: int
    files: Path
    defects: Path


@dataclass(frozen=True)
class _Batch:
    """Some pairs, by their ids from the first to the last, and their files in the order of pairs and days."""

    first_pair: int
    last_pair: int
    files: Mapping[ArchiveZip, int]


def make_month(landing: Landing, month: Month, store: Path, staging: Path) -> Made:
    """Put a month together in a staging folder.

    Args:
        landing: Where the files are.
        month: What it is to be made of.
        store: The warehouse's folder.
        staging: An empty folder but for the inputs, on the same disk.

    Raises:
        DamagedLanding: A file of which candles count cannot be read any more.
    """
    partition = str(store / month.partition) if month.partition else None
    pieces: list[str] = []
    with _scratch(month, staging) as connection:
        batches = list(_batches(connection, month, partition))
        for batch in batches:
            _put_together(connection, landing, month, batch, partition, staging)
            _order(connection)
            if len(batches) > 1:
                pieces.append(_cut_piece(connection, staging, len(pieces), whole=batch is batches[-1]))
        files, defects = staging / "files.parquet", staging / "defects.parquet"
        connection.relation("outcome").order("file").write_parquet(str(files))
        connection.relation("finding").order("file, number").write_parquet(str(defects))
        row_count = _write(connection, pieces, staging / "month.parquet")
        if not row_count:
            return Made(None, None, 0, files, defects)
        _write_hours(connection, staging / "month.parquet", staging / "hours.parquet")
        made, hours = (_named_by_content(staging / name) for name in ("month.parquet", "hours.parquet"))
        return Made(made, hours, row_count, files, defects)


@contextmanager
def _scratch(month: Month, staging: Path) -> Iterator[Connection]:
    with duckdb.connect(config=_DUCKDB | {"temp_directory": str(staging / "spilled")}) as duck:
        duck.execute("set enable_progress_bar = false")
        connection = Connection(duck)
        connection.run("archive/scratch.sql")
        for name in ("quotes", "rest", "usdt_way"):
            duck.read_parquet(str(month.inputs / f"{name}.parquet")).create_view(name)
        yield connection


def _batches(connection: Connection, month: Month, partition: str | None) -> Iterator[_Batch]:
    """All pairs of the month in order of their ids, as many at a time as have about the same number of candles."""
    weights: Counter[int] = Counter()
    for archived, pair_id in month.files.items():
        weights[pair_id] += (archived.until - archived.since) // _MINUTE
    for pair_id, rows in connection.rows("archive/pair_rows.sql", partition=partition) if partition else ():
        weights[pair_id] += rows
    for pair_id in month.renewed:
        weights.setdefault(pair_id, 0)  # it may have candles from the API
    by_pair: dict[int, list[ArchiveZip]] = {}
    for archived, pair_id in month.files.items():
        by_pair.setdefault(pair_id, []).append(archived)
    for first, last in _spans_of_pairs(weights):
        pairs = (pair_id for pair_id in sorted(by_pair) if first <= pair_id <= last)
        in_order = {pair_id: sorted(by_pair[pair_id], key=lambda archived: archived.first) for pair_id in pairs}
        yield _Batch(first, last, {archived: pair_id for pair_id, files in in_order.items() for archived in files})


def _spans_of_pairs(weights: Mapping[int, int]) -> Iterator[tuple[int, int]]:
    """Pairs in order of their ids, as many at a time as have about the same number of candles: first and last."""
    span, size = None, 0
    for pair_id, rows in sorted(weights.items()):
        if span and size + rows > BATCH_ROWS:
            yield span
            span, size = None, 0
        span = (span[0] if span else pair_id, pair_id)
        size += rows
    if span:
        yield span


def _put_together(
    connection: Connection, landing: Landing, month: Month, batch: _Batch, partition: str | None, staging: Path
) -> None:
    """Add the candles of the pairs of a batch."""
    renewed = [pair_id for pair_id in month.renewed if batch.first_pair <= pair_id <= batch.last_pair]
    connection.run("archive/batch.sql", renewed=renewed)
    if batch.files:
        read_files(landing, connection, batch.files, staging)
        _check_counting(connection, landing, month)
        for query in ("absent", "versions", "differing", "outcome"):
            connection.run(f"archive/{query}.sql")
    if renewed:
        connection.run("archive/renewed.sql")
        connection.run("archive/precedence.sql")
    if partition:
        connection.run("archive/kept.sql", partition=partition, first_pair=batch.first_pair, last_pair=batch.last_pair)


def _check_counting(connection: Connection, landing: Landing, month: Month) -> None:
    refused = {file for (file,) in connection.rows("select file from file inner join refusal using (file_key)")}
    lost = sorted(refused & {archived.file for archived in month.counting})
    if lost:
        raise DamagedLanding(
            f"Files in {landing.path} that were right when they were loaded no longer are: {', '.join(lost)}. "
            "Their candles still count. Restore them from a copy, or delete them with the .json beside them and "
            "download them again."
        )


def _cut_piece(connection: Connection, staging: Path, number: int, *, whole: bool) -> str:
    """Write the candles that there are, all or as many whole row groups as they fill, and forget them."""
    rows = connection.count("candle")
    rows -= 0 if whole else rows % _ROW_GROUP
    path = str(staging / f"piece-{number:05}.parquet")
    connection.run("archive/piece.sql", path=path, rows=rows)
    connection.run("archive/left_over.sql", rows=rows)
    return path


def _write(connection: Connection, pieces: Sequence[str], path: Path) -> int:
    """Write the partition, unless there is no candle. Returns how many there are."""
    candles = connection.duck.read_parquet(list(pieces)) if pieces else connection.relation("candle")
    candles.create_view("month_candle")
    row_count = connection.count("month_candle")
    if row_count:
        connection.run("archive/rates.sql")
        row_group = _ROW_GROUP if pieces else SMALL_ROW_GROUP
        connection.run("archive/partition.sql", path=str(path), row_group=row_group)
    return row_count


def _order(connection: Connection) -> None:
    """Put the candles in order, as they mostly are: they come from files that were read in it."""
    if not connection.value("archive/is_in_order.sql", row_group=_ROW_GROUP):
        connection.run("archive/ordered.sql")


def _write_hours(connection: Connection, month: Path, path: Path) -> None:
    """Roll the candles that were written up to hours, some pairs at a time."""
    weights = dict(connection.rows("archive/pair_rows.sql", partition=str(month)))
    for first_pair, last_pair in _spans_of_pairs(weights):
        connection.run("archive/hours.sql", first_pair=first_pair, last_pair=last_pair)
    connection.run("archive/hours_partition.sql", path=str(path))


def _named_by_content(path: Path) -> Path:
    """A file, durably, that has a hash of its content as its name."""
    sync(path)
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return path.rename(path.with_name(f"{digest[:32]}.parquet"))
