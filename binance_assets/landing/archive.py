"""Files of the exchange's archive, landed as published.

::

    landing/archive/BTCUSDT/monthly/BTCUSDT-1m-2020-01.<16 digits of its sha256>.zip
    landing/archive/BTCUSDT/monthly/BTCUSDT-1m-2020-01.<16 digits of its sha256>.zip.json

The second, the note, is written last: it says where the zip came from, and that it is whole. A file that was replaced
in the archive gets a second version beside the first, and the one retrieved last counts. What was interrupted, at
whatever point, is begun again and finds what is there.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import NamedTuple, TypeVar
from uuid import uuid4

from binance_assets.clients.archive import (
    DAY,
    SCOPES,
    ArchiveClient,
    ArchiveFile,
    ChecksumMismatch,
    NotInArchive,
    Scope,
    checked_symbol,
)
from binance_assets.clients.errors import BadResponse, ExchangeError
from binance_assets.clock import Clock
from binance_assets.files import sync
from binance_assets.landing import Landing

CONNECTIONS = 4
"""At once; the archive is free, and somebody pays for it."""

_SHORT = 16
"""Digits of the sha256 in a file's name."""

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True)
class LandedZip:
    """A file of the archive that is landed, and whole. Instants are naive UTC.

    Attributes:
        file: As the archive had it.
        url: Where it came from.
        sha256: Of the zip.
        checksum: The text of its ``.CHECKSUM``.
        retrieved_at: When it was retrieved, or, if something else had taken its place, was found to be back; by the
            host's clock.
    """

    file: ArchiveFile
    url: str
    sha256: str
    checksum: str
    retrieved_at: datetime

    @property
    def name(self) -> str:
        """Relative to the landing folder."""
        name = f"{self.file.name.removesuffix('.zip')}.{self.sha256[:_SHORT]}.zip"
        return f"archive/{self.file.symbol}/{self.file.scope}/{name}"


class Span(NamedTuple):
    """Days of a pair, the first and the last."""

    symbol: str
    first: date
    last: date


class Plan(NamedTuple):
    """The files that bring a pair's days, each day once, in order; and the days that none brings."""

    files: tuple[ArchiveFile, ...]
    missing: tuple[Span, ...]


class Refused(NamedTuple):
    """A file that the archive lists and that could not be had, and why."""

    file: ArchiveFile
    error: ExchangeError


class Amount(NamedTuple):
    """Zips, and their bytes."""

    files: int = 0
    bytes: int = 0

    def plus(self, *files: ArchiveFile) -> Amount:
        """With some more."""
        return Amount(self.files + len(files), self.bytes + sum(file.size for file in files))


class Progress(NamedTuple):
    """How far it is.

    Attributes:
        listed: What is to be landed, as far as that is known.
        downloaded: What came.
        skipped: What was there already.
        refused: What could not be had.
    """

    listed: Amount = Amount()
    downloaded: Amount = Amount()
    skipped: Amount = Amount()
    refused: Amount = Amount()


OnProgress = Callable[[Progress], object]


class Outcome(NamedTuple):
    """What a download came to.

    Attributes:
        landed: The files that are there, in order, also those that had been there.
        refused: Those that could not be had.
        missing: The days that none brings: to be had from the exchange itself, if it has them.
        progress: The numbers of it.
    """

    landed: tuple[LandedZip, ...]
    refused: tuple[Refused, ...]
    missing: tuple[Span, ...]
    progress: Progress


def download(
    landing: Landing,
    archive: ArchiveClient,
    symbols: Iterable[str],
    first: date,
    last: date,
    *,
    scopes: Sequence[Scope] = SCOPES,
    connections: int = CONNECTIONS,
    on_listed: Callable[[Amount], object] = lambda amount: None,
    on_progress: OnProgress = lambda progress: None,
) -> Outcome:
    """Land the files that bring some days of some pairs: of whole months, and of days where there is no month's.

    What is landed and is still what the archive lists is not downloaded again. Where a month's file cannot be had,
    those of its days are taken. An error that is not one of a single file ends it; what was landed by then stays.

    Args:
        landing: Where to.
        archive: Where from.
        symbols: Of the pairs.
        first: The first day.
        last: The last day.
        scopes: Which files: of months, of days, or both.
        connections: How many files at once.
        on_listed: Is told how much is to be downloaded, before anything is; what it raises keeps it from beginning.
        on_progress: Is told how far it is, in this thread.

    Raises:
        ValueError: One of the symbols is none, or the last day is before the first.
        ExchangeError: The archive cannot be reached, or does not want to.
        OSError: The disk does not.
    """
    symbols = sorted({checked_symbol(symbol) for symbol in symbols})
    if last < first:
        raise ValueError(f"the last day, {last}, is before the first, {first}")
    work = _Work(landing, archive, on_progress)
    with ThreadPoolExecutor(connections, "archive") as pool:
        for plan in _each(pool, lambda symbol: choose(archive, symbol, first, last, scopes), symbols):
            work.add(plan.files)
        on_listed(work.to_come)
        work.bring(pool)
        months = [it.file for it in work.refused if it.file.scope == "monthly" and "daily" in scopes]
        for days in _each(pool, lambda it: archive.files(*_days_of(it, first, last)), months):
            work.add(days)
        work.bring(pool)
    there = work.in_order()
    missing = [
        span
        for symbol in symbols
        for span in uncovered(symbol, first, last, [it.file for it in there if it.file.symbol == symbol])
    ]
    return Outcome(there, tuple(work.refused), tuple(missing), work.progress)


def recheck(
    landing: Landing,
    archive: ArchiveClient,
    since: date,
    *,
    connections: int = CONNECTIONS,
    on_progress: OnProgress = lambda progress: None,
) -> Outcome:
    """Land what was replaced in the archive, of the files that are landed and reach to a day or beyond.

    Raises:
        ExchangeError: The archive cannot be reached, or does not want to.
        OSError: The disk does not.
    """

    def listed(folder: Path) -> list[ArchiveFile]:
        recent = {it.file.first: it.file for it in landed(folder).values() if it.file.last >= since}
        if not recent:
            return []
        one = next(iter(recent.values()))
        return [it for it in archive.files(one.symbol, one.scope, min(recent), max(recent)) if it.first in recent]

    folders = [folder for scope in SCOPES for folder in sorted((landing.path / "archive").glob(f"*/{scope}"))]
    work = _Work(landing, archive, on_progress)
    with ThreadPoolExecutor(connections, "archive") as pool:
        for files in _each(pool, listed, folders):
            work.add(files)
        work.bring(pool)
    return Outcome(work.in_order(), tuple(work.refused), (), work.progress)


def choose(archive: ArchiveClient, symbol: str, first: date, last: date, scopes: Sequence[Scope] = SCOPES) -> Plan:
    """The files that bring a pair's days, by what the archive lists. A month's is taken whole, for a few days as well.

    Raises:
        ExchangeError: The archive cannot be reached, or does not want to.
    """
    files: list[ArchiveFile] = []
    missing = [Span(symbol, first, last)]
    if "monthly" in scopes:
        files += archive.files(symbol, "monthly", first.replace(day=1), last)
        missing = uncovered(symbol, first, last, files)
    if "daily" in scopes:
        files += [file for span in missing for file in archive.files(symbol, "daily", span.first, span.last)]
        missing = uncovered(symbol, first, last, files)
    return Plan(tuple(sorted(files, key=_order)), tuple(missing))


def uncovered(symbol: str, first: date, last: date, files: Iterable[ArchiveFile]) -> list[Span]:
    """The days from one to another that no file brings."""
    spans = []
    begin = first
    for file in sorted(files, key=lambda it: it.first):
        if begin < file.first:
            spans.append(Span(symbol, begin, min(file.first - DAY, last)))
        begin = max(begin, file.last + DAY)
    return [span for span in [*spans, Span(symbol, begin, last)] if span.first <= span.last]


def landed(folder: Path) -> dict[date, LandedZip]:
    """The landed files of a pair and scope, by their first day: of several versions the one that counts.

    Args:
        folder: Such as ``archive/BTCUSDT/monthly`` in the landing folder.
    """
    notes = [note for note in folder.glob("*.zip.json") if note.with_suffix("").is_file()]
    versions = sorted((_read(note) for note in notes), key=lambda it: (it.file.first, it.retrieved_at))
    return {version.file.first: version for version in versions}


class _Work:
    """Lands files, and keeps count."""

    def __init__(self, landing: Landing, archive: ArchiveClient, on_progress: OnProgress) -> None:
        self.progress = Progress()
        self.refused: list[Refused] = []
        self._there: list[LandedZip] = []
        self._landing = landing
        self._archive = archive
        self._on_progress = on_progress
        self._waiting: list[tuple[ArchiveFile, LandedZip | None]] = []

    def add(self, files: Sequence[ArchiveFile]) -> None:
        """Takes on files of one pair."""
        known = {folder: landed(folder) for folder in {self._folder(file) for file in files}}
        self._waiting += [(file, known[self._folder(file)].get(file.first)) for file in files]
        self._tell(self.progress._replace(listed=self.progress.listed.plus(*files)))

    @property
    def to_come(self) -> Amount:
        """What it has taken on that is not there."""
        return Amount().plus(*(file for file, known in self._waiting if not (known and known.file == file)))

    def bring(self, pool: ThreadPoolExecutor) -> None:
        """Lands what it has taken on."""
        waiting, self._waiting = sorted(self._waiting, key=lambda it: _order(it[0])), []
        for result, was_there in _each(pool, lambda it: self._bring(*it), waiting):
            now = self.progress
            if isinstance(result, Refused):
                self.refused.append(result)
                self._tell(now._replace(refused=now.refused.plus(result.file)))
            else:
                self._there.append(result)
                if was_there:
                    self._tell(now._replace(skipped=now.skipped.plus(result.file)))
                else:
                    self._tell(now._replace(downloaded=now.downloaded.plus(result.file)))

    def in_order(self) -> tuple[LandedZip, ...]:
        """The files that are there."""
        return tuple(sorted(self._there, key=lambda it: _order(it.file)))

    def _tell(self, progress: Progress) -> None:
        self.progress = progress
        self._on_progress(progress)

    def _folder(self, file: ArchiveFile) -> Path:
        return self._landing.path / "archive" / file.symbol / file.scope

    def _bring(self, file: ArchiveFile, known: LandedZip | None) -> tuple[LandedZip | Refused, bool]:
        """The file, landed, and whether it was there already; or why it could not be had."""
        if known and known.file == file:
            return known, True
        try:
            return self._land(file, known)
        except (NotInArchive, ChecksumMismatch, BadResponse) as error:
            return Refused(file, error), False

    def _land(self, file: ArchiveFile, known: LandedZip | None) -> tuple[LandedZip, bool]:
        checksum = self._archive.checksum(file)
        version = LandedZip(file, "", checksum.sha256, checksum.text, _after(known))
        note = self._note(version)
        if note.exists() and note.with_suffix("").is_file() and (was := _read(note)).sha256 == checksum.sha256:
            # It was only uploaded again; or it had been replaced and is back, and counts again from now on.
            since = was.retrieved_at if known and known.sha256 == was.sha256 else version.retrieved_at
            version = replace(version, url=was.url, retrieved_at=since)
            self._write(note, version)
            return version, True
        temporary = self._landing.path / f".{uuid4().hex}"
        self._folder(file).mkdir(parents=True, exist_ok=True)
        try:
            came = self._archive.download(file, temporary, checksum)
            version = LandedZip(
                file=replace(file, size=came.size, last_modified=came.last_modified, etag=came.etag),
                url=came.url,
                sha256=came.checksum.sha256,
                checksum=came.checksum.text,
                retrieved_at=_after(known),
            )
            sync(temporary)
            temporary.replace(self._landing.path / version.name)
        finally:
            temporary.unlink(missing_ok=True)
        self._write(self._note(version), version)
        return version, False

    def _note(self, version: LandedZip) -> Path:
        return self._landing.path / f"{version.name}.json"

    def _write(self, note: Path, version: LandedZip) -> None:
        """Writes a note, and returns when neither it nor the zip beside it can be lost any more."""
        temporary = self._landing.path / f".{uuid4().hex}"
        try:
            temporary.write_text(json.dumps(_as_json(version), indent=1, ensure_ascii=False), encoding="utf-8")
            sync(temporary)
            sync(note.parent)
            temporary.replace(note)
            sync(note.parent)
        finally:
            temporary.unlink(missing_ok=True)


def _after(known: LandedZip | None) -> datetime:
    """Now, and after the version that has counted so far, also if the host's clock has gone back behind it."""
    now = Clock().now()
    return max(now, known.retrieved_at + timedelta(microseconds=1)) if known else now


def _as_json(version: LandedZip) -> dict[str, object]:
    return {
        "symbol": version.file.symbol,
        "scope": version.file.scope,
        "first_day": version.file.first.isoformat(),
        "url": version.url,
        "sha256": version.sha256,
        "size": version.file.size,
        "last_modified": version.file.last_modified.isoformat(),
        "etag": version.file.etag,
        "retrieved_at": version.retrieved_at.isoformat(),
        "checksum": version.checksum,
    }


def _read(note: Path) -> LandedZip:
    said = json.loads(note.read_text(encoding="utf-8"))
    return LandedZip(
        file=ArchiveFile(
            symbol=said["symbol"],
            scope=said["scope"],
            first=date.fromisoformat(said["first_day"]),
            size=said["size"],
            last_modified=datetime.fromisoformat(said["last_modified"]),
            etag=said["etag"],
        ),
        url=said["url"],
        sha256=said["sha256"],
        checksum=said["checksum"],
        retrieved_at=datetime.fromisoformat(said["retrieved_at"]),
    )


def _days_of(month: ArchiveFile, first: date, last: date) -> tuple[str, Scope, date, date]:
    """What to list to have the days of a month one by one, as far as they are wanted."""
    return month.symbol, "daily", max(first, month.first), min(last, month.last)


def _order(file: ArchiveFile) -> tuple[str, date]:
    return file.symbol, file.first


def _each(pool: ThreadPoolExecutor, do: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """The results as they come. After an error, nothing more is begun."""
    futures = [pool.submit(do, item) for item in items]
    try:
        for future in as_completed(futures):
            yield future.result()
    finally:
        for future in futures:
            future.cancel()
