"""Loads landed files into the holding tables, each file exactly once, in the order in which they were landed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from datetime import datetime, time

from binance_assets.lake import reopen
from binance_assets.landing import Landing, LandingFile
from binance_assets.raw.absence import find_absent_symbols
from binance_assets.warehouse import Connection

BATCH_FILES = 500
BATCH_BYTES = 16 * 1024 * 1024
"""Bounds of the files that are loaded in one transaction; compressed, so about ten times as much in memory."""

REPLAYED_FILES = 8
"""How many metadata responses are compared at once; each is some megabytes when it is unpacked."""


class DamagedLandingFile(Exception):
    """A landing file is not what was landed: its content no longer has the hash that it had."""

    def __init__(self, landing: Landing, files: Sequence[str]) -> None:
        super().__init__(
            f"Landing files in {landing.path} were changed or damaged after they were landed: {', '.join(files)}. "
            "Restore them from a copy, or move them out of the landing folder to go on without what they held."
        )


@dataclass(frozen=True)
class Loaded:
    """What a load did: files read, captures that were new, rows stored, rows refused."""

    files: int = 0
    captures: int = 0
    prices: int = 0
    refused: int = 0

    def __add__(self, other: Loaded) -> Loaded:
        return Loaded(*(mine + its for mine, its in zip(astuple(self), astuple(other), strict=True)))


def load(connection: Connection, landing: Landing) -> Loaded:
    """Load everything that was landed since the last load.

    A batch is one transaction, in which the name of its last file is recorded too: running this again, also after a
    kill at any point, neither loses nor doubles a row. What comes for a sealed day opens that day again.

    Raises:
        DamagedLandingFile: A file's content does not match its hash; nothing of its batch is loaded.
    """
    loaded = Loaded()
    last = connection.value("select file from meta.progress where model = 'raw'")
    for batch in _batches(landing, landing.files_after(last)):
        with connection.transaction():
            loaded += _load_batch(connection, landing, batch)
    return loaded


def _batches(landing: Landing, files: Sequence[LandingFile]) -> Iterator[list[LandingFile]]:
    """Runs of files, bounded in number and size; one that is large when it is unpacked is a batch of its own."""
    batch: list[LandingFile] = []
    size = 0
    for file in files:
        if batch and (file.is_large or batch[-1].is_large or len(batch) == BATCH_FILES or size > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(file)
        size += (landing.path / file.name).stat().st_size
    if batch:
        yield batch


def _load_batch(connection: Connection, landing: Landing, batch: Sequence[LandingFile]) -> Loaded:
    if batch[0].is_observations:
        _load_observations(connection, landing, batch[0])
    else:
        _load_responses(connection, landing, batch)
    connection.run("raw/progress.sql", file=batch[-1].name, landed_at=batch[-1].landed_at)
    [counts] = connection.rows("raw/loaded.sql")
    return Loaded(len(batch), *counts)


def _load_responses(connection: Connection, landing: Landing, batch: Sequence[LandingFile]) -> None:
    files = [landing.absolute(file) for file in batch]
    [(first_at, last_at)] = connection.rows("raw/landed_span.sql", files=files)
    if first_at:
        reopen(connection, first_at, last_at)
    connection.run("raw/response.sql", files=files, landing=str(landing.path))
    damaged = [file for (file,) in connection.rows("select file from response where not is_whole")]
    if damaged:
        raise DamagedLandingFile(landing, damaged)
    connection.run("raw/missed_sample.sql", files=files, landing=str(landing.path))
    replayed = connection.rows("raw/replayed_files.sql")
    connection.run("raw/capture.sql")
    connection.run("raw/ticker_price.sql")
    if connection.value("select count(*) from response where starts_with(endpoint, 'coinmarketcap/')"):
        connection.run("raw/coinmarketcap.sql")
    if connection.value("select count(*) from description_row"):
        # The new response is the earliest of them; the loaded ones that are not earlier follow in order of time.
        for chunk in _chunks(replayed) or [[]]:
            if chunk:
                replay = [landing.absolute(LandingFile(file)) for file in chunk]
                connection.run("raw/replayed_description.sql", files=replay, landing=str(landing.path))
            connection.run("raw/judged_description.sql")
            find_absent_symbols(connection)
            connection.run("raw/exchange_info.sql")
            connection.run("raw/replay_on.sql")
    for (day,) in connection.rows("raw/quarantined_days.sql"):
        noon = datetime.combine(day, time(12))
        reopen(connection, noon, noon)


def _chunks(replayed: Sequence[tuple[str, datetime]]) -> list[list[str]]:
    """Files of metadata, which are in order of time, by so many; those of one instant are not parted."""
    chunks: list[list[str]] = []
    last: datetime | None = None
    for file, received_at in replayed:
        if not chunks or (len(chunks[-1]) >= REPLAYED_FILES and received_at != last):
            chunks.append([])
        chunks[-1].append(file)
        last = received_at
    return chunks


def _load_observations(connection: Connection, landing: Landing, file: LandingFile) -> None:
    if not _is_whole(landing, file):
        raise DamagedLandingFile(landing, [file.name])
    kind = "parquet" if file.name.endswith(".parquet") else "csv"
    connection.run(f"raw/observations_{kind}.sql", path=landing.absolute(file))
    [(first_at, last_at)] = connection.rows("select min(retrieved_at), max(retrieved_at) from observation")
    if first_at:
        reopen(connection, first_at, last_at)
    connection.run("raw/observations.sql", file=file.name, landed_at=file.landed_at)
    connection.run("raw/capture_of_observations.sql")
    connection.run("raw/ticker_price.sql")


def _is_whole(landing: Landing, file: LandingFile) -> bool:
    with (landing.path / file.name).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest() in file.name
