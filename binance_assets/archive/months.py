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
from dataclasses import dataclass, field
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

BATCH_ROWS = 1_000_000
"""About how many candles are read at a time: those of whole pairs."""

PIECE_ROWS = 2_500_000
"""With more candles than this a month is written in sorted pieces first."""

_ROW_GROUP = 122_880
"""Rows that DuckDB writes together. A piece has a multiple of it, so that it does not show where one has ended."""

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
        row_count: How many.
        files: What became of each file that was read.
        defects: What is wrong in them.
    """

    partition: Path | None
    row_count: int
    files: Path
    defects: Path


@dataclass
class _Batch:
    """Some pairs, by their ids from the first to the last."""

    first_pair: int
    last_pair: int
    files: dict[ArchiveZip, int] = field(default_factory=dict)


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
        for batch in _batches(connection, month, partition):
            _put_together(connection, landing, month, batch, partition, staging)
            if connection.count("candle") > PIECE_ROWS:
                pieces.append(_cut_piece(connection, staging, len(pieces), whole=False))
        if pieces:
            pieces.append(_cut_piece(connection, staging, len(pieces), whole=True))
        files, defects = staging / "files.parquet", staging / "defects.parquet"
        connection.relation("outcome").order("file").write_parquet(str(files))
        connection.relation("finding").order("file, number").write_parquet(str(defects))
        made, row_count = _write(connection, pieces, staging)
        return Made(made, row_count, files, defects)


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
    batch, size = None, 0
    by_pair: dict[int, dict[ArchiveZip, int]] = {}
    for archived, pair_id in month.files.items():
        by_pair.setdefault(pair_id, {})[archived] = pair_id
    for pair_id, rows in sorted(weights.items()):
        if batch and size + rows > BATCH_ROWS:
            yield batch
            batch, size = None, 0
        batch = batch or _Batch(pair_id, pair_id)
        batch.last_pair = pair_id
        batch.files |= by_pair.get(pair_id, {})
        size += rows
    if batch:
        yield batch


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


def _write(connection: Connection, pieces: Sequence[str], staging: Path) -> tuple[Path | None, int]:
    """Write the partition, unless there is no candle."""
    candles = connection.duck.read_parquet(list(pieces)) if pieces else connection.relation("candle")
    candles.create_view("month_candle")
    row_count = connection.count("month_candle")
    if not row_count:
        return None, 0
    connection.run("archive/rates.sql")
    path = staging / "month.parquet"
    connection.run(f"archive/{'joined' if pieces else 'partition'}.sql", path=str(path))
    sync(path)
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return path.rename(staging / f"{digest[:32]}.parquet"), row_count
