"""Landing: every accepted response as received, in files that are written once and never changed.

Everything after landing is a function of these files. A file's name begins with the instant at which it was landed;
instants only ever grow within one landing folder, and a file appears whole (temporary name, fsync, rename), so at any
moment the visible files are all that was landed so far, and sorting by name gives the order in which it came. That
order is the order of loading, which is what makes ids and every row the same in a rebuild.

Two kinds of file lie here:

- ``*.parquet``: responses, one row each: what was asked, when, who answered, and the body; in a file of the collector,
  also a row for each grid point that brought no usable answer. The collector's files hold a minute each.
- ``*.observations.*``: a table of ``Symbol,Price,Retrieval_Timestamp`` that a user brought, byte for byte.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

import duckdb
import pandas as pd
from filelock import FileLock

from binance_assets.clock import Clock
from binance_assets.files import sync
from binance_assets.sql import sql

_STAMP = "%H%M%S.%f"


@dataclass(frozen=True)
class Capture:
    """One accepted response, about to be landed. Instants are naive UTC.

    ``sampling_interval_seconds`` is the grid on which it was sampled, None for a single request or an import;
    ``due_at`` its point on that grid. ``clock_offset_seconds`` is how far the host's clock was ahead of the
    collector's.
    """

    endpoint: str
    source: str
    received_at: datetime
    body: bytes
    base_url: str | None = None
    requested_at: datetime | None = None
    exchange_at: datetime | None = None
    used_weight: int | None = None
    sampling_interval_seconds: int | None = None
    due_at: datetime | None = None
    clock_offset_seconds: float | None = None

    @property
    def sha256(self) -> str:
        """Hash of the body."""
        return hashlib.sha256(self.body).hexdigest()

    @property
    def capture_id(self) -> str:
        """Derived from source, endpoint, time and content, so that the same response always has the same id."""
        identity = f"{self.source}|{self.endpoint}|{self.received_at.isoformat()}|{self.sha256}"
        return hashlib.sha256(identity.encode()).hexdigest()[:32]


@dataclass(frozen=True)
class MissedSample:
    """A grid point at which the exchange gave no usable answer, about to be landed as evidence of that."""

    endpoint: str
    source: str
    due_at: datetime
    sampling_interval_seconds: int
    error: str
    message: str


@dataclass(frozen=True, order=True)
class LandingFile:
    """A landed file by its name, relative to the landing folder."""

    name: str

    @property
    def is_observations(self) -> bool:
        """Whether it is a table that a user brought, rather than responses."""
        return ".observations." in self.name

    @property
    def is_large(self) -> bool:
        """Whether it may be a hundred times as large when it is unpacked."""
        return self.is_observations or "_exchangeInfo_" in self.name

    @property
    def landed_at(self) -> datetime:
        """When it was landed; naive UTC."""
        day, _, rest = self.name.partition("/")
        return datetime.strptime(f"{day} {rest.partition('_')[0]}", f"%Y-%m-%d {_STAMP}")  # noqa: DTZ007


class Landing:
    """The landing folder of one store.

    Args:
        path: The folder; made when something is first landed.
        clock: Says when something was landed; the host's, if there is none.
    """

    def __init__(self, path: Path, clock: Clock | None = None) -> None:
        self.path = path
        self._clock = clock or Clock()

    def land(self, capture: Capture) -> LandingFile:
        """Put a response on disk, durably. Returns when a crash can no longer lose it."""
        return self.land_minute([capture])

    def land_minute(self, samples: Sequence[Capture | MissedSample]) -> LandingFile:
        """Put what came of some requests for the same endpoint on disk in one file, as :meth:`land` does."""

        def write(path: Path) -> None:
            with duckdb.connect() as duck:
                duck.register("request", pd.DataFrame([_as_row(sample) for sample in samples], columns=_COLUMNS))
                duck.execute(sql("landing/response.sql"), {"path": str(path)})

        return self._land(f"{samples[0].endpoint.replace('/', '_')}_{_identity(samples)}.parquet", write)

    def land_observations(self, source: Path) -> LandingFile | None:
        """Copy a table of observations as it is; None if the very same file was landed before."""
        with source.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        if self.has(digest):
            return None
        kind = ".parquet" if source.suffix == ".parquet" else ".csv.gz" if source.suffix == ".gz" else ".csv"
        return self._land(f"{digest}.observations{kind}", lambda path: shutil.copyfile(source, path))

    def has(self, identity: str) -> bool:
        """Whether a file with this capture id, or content hash, was landed before."""
        return any(self.path.glob(f"*/*_{identity}.*"))

    def files_after(self, name: str | None) -> list[LandingFile]:
        """The landed files after the named one (all, if None), in order of landing.

        Looks only into the days from that file's on, so the cost does not grow with the history.
        """
        first_day = "" if name is None else name.partition("/")[0]
        days = sorted(d for d in self.path.glob("????-??-??") if d.name >= first_day)
        names = (
            f"{day.name}/{entry.name}" for day in days for entry in day.iterdir() if not entry.name.startswith(".")
        )
        return [LandingFile(found) for found in sorted(names) if name is None or found > name]

    def absolute(self, file: LandingFile) -> str:
        """Where a landed file is, as DuckDB wants it."""
        return str(self.path / file.name)

    def _land(self, name: str, write: Callable[[Path], object]) -> LandingFile:
        self.path.mkdir(parents=True, exist_ok=True)
        temporary = self.path / f".{uuid4().hex}"
        try:
            write(temporary)
            sync(temporary)
            with FileLock(self.path / ".lock"):
                landed_at = self._next_instant()
                file = LandingFile(f"{landed_at:%Y-%m-%d}/{landed_at:{_STAMP}}_{name}")
                target = self.path / file.name
                target.parent.mkdir(exist_ok=True)
                temporary.replace(target)
                sync(target.parent)
        finally:
            temporary.unlink(missing_ok=True)
        return file

    def _next_instant(self) -> datetime:
        """Now, or just after the newest file if the host's clock has gone back behind it.

        The newest instant is kept in a file of its own, so that no folder has to be listed. It is written before the
        landing file appears: a crash in between leaves an instant that no file has, and none that two could have.
        """
        newest = self.path / ".newest"
        try:
            last = datetime.fromisoformat(newest.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            last = max((file.landed_at for file in self.files_after(None)), default=datetime.min)  # noqa: DTZ901
        landed_at = max(self._clock.now(), last + timedelta(microseconds=1))
        temporary = newest.with_suffix(".tmp")
        temporary.write_text(landed_at.isoformat(), encoding="utf-8")
        sync(temporary)
        temporary.replace(newest)
        return landed_at


_COLUMNS = ("capture_id", "sha256", *(field.name for field in fields(Capture)), "error", "message")


def _as_row(sample: Capture | MissedSample) -> dict[str, object]:
    derived = {"capture_id": sample.capture_id, "sha256": sample.sha256} if isinstance(sample, Capture) else {}
    return derived | vars(sample)


def _identity(samples: Sequence[Capture | MissedSample]) -> str:
    """The capture's id, or for several samples a hash of what tells them from all others."""
    ids = [s.capture_id if isinstance(s, Capture) else f"{s.source}|{s.due_at.isoformat()}" for s in samples]
    if len(ids) == 1 and isinstance(samples[0], Capture):
        return ids[0]
    return hashlib.sha256("|".join(ids).encode()).hexdigest()[:32]
