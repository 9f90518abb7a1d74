"""The archive's zips as they were landed, and what has to be right before anybody looks at the candles in one."""

from __future__ import annotations

import hashlib
import json
import os
import re
import struct
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

from isal import isal_zlib
from isal.igzip_lib import IsalError

from binance_assets.landing import Landing

MICROSECONDS_FROM = date(2025, 1, 1)
"""From this day on the archive's times are in microseconds, before it in milliseconds."""

LARGEST_CSV = 32 * 1024 * 1024
"""Bytes. A month has at most 44,640 lines of at most some 250 characters; what is larger is no month of candles."""

_LOCAL_HEADER = struct.Struct("<4s22x2H")
"""What stands before a zip's member: a signature, what the directory says too, the lengths of the name and of more."""

_DAMAGED: tuple[type[Exception], ...] = (
    zipfile.BadZipFile,
    zlib.error,
    IsalError,  # type: ignore[assignment]  # its stub does not say that it is an exception
    EOFError,
    OSError,
    NotImplementedError,
    RuntimeError,
)
"""What unpacking raises when a zip is not what it should be."""

_DAY = timedelta(days=1)
_NAME = re.compile(
    r"archive/(?P<symbol>[^/]+)/(?P<scope>monthly|daily)/"
    r"(?P<stem>(?P=symbol)-1m-(?P<month>\d{4}-\d{2})(?P<day>-\d{2})?)\.[0-9a-f]{16}\.zip"
)


class Refused(Exception):
    """A file is wrong as a whole; nothing of it is loaded.

    Attributes:
        kind: In one word, as in ``raw.archive_defect``.
        detail: For the reader.
    """

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail


@dataclass(frozen=True)
class ArchiveZip:
    """A landed zip with what its sidecar says of it. Instants are naive UTC.

    Attributes:
        file: Its path, relative to the landing folder.
        symbol: Whose candles.
        scope: ``monthly`` or ``daily``.
        stem: Its name in the archive, without ``.zip``; its member has the same.
        first: The first day in it.
        url: Where it was.
        sha256: Of the whole file, by the archive's checksum.
        size_bytes: Of the whole file.
        last_modified: When the archive last changed it, if it said so.
        retrieved_at: When it was downloaded; of several versions the newest counts.
    """

    file: str
    symbol: str
    scope: str
    stem: str
    first: date
    url: str
    sha256: str
    size_bytes: int
    last_modified: datetime | None
    retrieved_at: datetime

    @property
    def file_key(self) -> int:
        """A number for it that follows from its name, so that it is the same in whatever order files are loaded."""
        return int(hashlib.sha256(self.file.encode()).hexdigest()[:15], 16)

    @property
    def month(self) -> str:
        """The month that it belongs to, such as ``2020-01``."""
        return f"{self.first:%Y-%m}"

    @property
    def since(self) -> datetime:
        """Its first minute."""
        return datetime(self.first.year, self.first.month, self.first.day)  # noqa: DTZ001 - naive UTC

    @property
    def until(self) -> datetime:
        """The first minute after it."""
        if self.scope == "daily":
            return self.since + _DAY
        return (self.since + 31 * _DAY).replace(day=1)

    @property
    def is_in_microseconds(self) -> bool:
        """Whether its times should be."""
        return self.first >= MICROSECONDS_FROM


class DamagedLanding(Exception):
    """A file of the archive in the landing folder is not what was landed."""


def landed_zips(landing: Landing) -> dict[str, datetime]:
    """All zips that are whole, that is, have their sidecar: their paths relative to the landing folder, sorted.

    Each with when its sidecar was written: that is done again for a version that the archive has gone back to.
    """
    sidecars = sorted(landing.path.glob("archive/*/*/*.zip.json"))
    return {str(path.relative_to(landing.path)).removesuffix(".json"): _utc(path.stat().st_mtime) for path in sidecars}


def read_sidecars(landing: Landing, files: Iterable[str]) -> list[ArchiveZip]:
    """Zips by their paths.

    Raises:
        DamagedLanding: One of them is not what a download writes.
    """
    return [_read_sidecar(landing.path, file) for file in files]


def month_of(file: str) -> str:
    """The month of a zip by its path."""
    return _match(file)["month"]


def symbol_of(file: str) -> str:
    """The symbol of a zip by its path."""
    return _match(file)["symbol"]


def unpack(landing: Landing, archived: ArchiveZip) -> bytes:
    """The CSV in a zip.

    Raises:
        Refused: The zip is not what the archive's checksum says, or not a zip of exactly this one CSV.
    """
    path = landing.path / archived.file
    try:
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
            if digest != archived.sha256:
                raise Refused("checksum", f"its sha256 is {digest}, the archive's checksum says {archived.sha256}")
            return _only_member(stream, f"{archived.stem}.csv")
    except FileNotFoundError:
        raise Refused("missing", "it is not in the landing folder any more, only the .json beside it is") from None


def _only_member(stream: BinaryIO, name: str) -> bytes:
    try:
        with zipfile.ZipFile(stream) as archive:
            names = archive.namelist()
            if names != [name]:
                raise Refused("members", f"it holds {', '.join(names[:5]) or 'nothing'}; it should hold {name} alone")
            [member] = archive.infolist()
            text = _inflate(stream, member) if member.compress_type == zipfile.ZIP_DEFLATED else _stored(archive, name)
    except _DAMAGED as error:
        raise Refused("not_a_zip", f"it cannot be unpacked: {error}") from error
    if len(text) > LARGEST_CSV:
        raise Refused("too_large", f"it unpacks to more than {LARGEST_CSV:,} bytes")
    return text


def _inflate(stream: BinaryIO, member: zipfile.ZipInfo) -> bytes:
    """A deflated member, in half of the time that zipfile takes; of one that is too large somewhat more than it may be.

    Where its bytes begin stands in the header before them (section 4.3.7 of the zip format's APPNOTE).
    """
    stream.seek(member.header_offset)
    header = stream.read(_LOCAL_HEADER.size)
    if len(header) < _LOCAL_HEADER.size:
        raise zipfile.BadZipFile("it is cut")
    signature, name_length, extra_length = _LOCAL_HEADER.unpack(header)
    if signature != b"PK\x03\x04" or member.flag_bits & 1:
        raise zipfile.BadZipFile("its member has no header, or a password")
    stream.seek(name_length + extra_length, os.SEEK_CUR)
    inflator = isal_zlib.decompressobj(-zlib.MAX_WBITS)
    text = inflator.decompress(stream.read(member.compress_size), LARGEST_CSV + 1)
    if len(text) <= LARGEST_CSV and not (inflator.eof and isal_zlib.crc32(text) == member.CRC):
        raise zipfile.BadZipFile("its member is cut, or another one than its checksum says")
    return text


def _stored(archive: zipfile.ZipFile, name: str) -> bytes:
    with archive.open(name) as member:
        return member.read(LARGEST_CSV + 1)


def _read_sidecar(folder: Path, file: str) -> ArchiveZip:
    name = _match(file)
    try:
        told = json.loads((folder / f"{file}.json").read_text(encoding="utf-8"))
        return ArchiveZip(
            file=file,
            symbol=name["symbol"],
            scope=name["scope"],
            stem=name["stem"],
            first=date.fromisoformat(f"{name['month']}{name['day'] or '-01'}"),
            url=told["url"],
            sha256=told["sha256"],
            size_bytes=told["size"],
            last_modified=_instant(told["last_modified"]) if told.get("last_modified") else None,
            retrieved_at=_instant(told["retrieved_at"]),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DamagedLanding(
            f"{folder / file}.json is not what a download wrote ({error!r}). Restore it from a copy, or delete it and "
            "the zip: the next download then gets the file again."
        ) from error


def _match(file: str) -> re.Match[str]:
    found = _NAME.fullmatch(file)
    if not found or (found["scope"] == "daily") != (found["day"] is not None):
        raise DamagedLanding(f"{file} in the landing folder is no name of a candle file. Move it out of archive/.")
    return found


def _utc(timestamp: float) -> datetime:
    return datetime.fromtimestamp(timestamp, UTC).replace(tzinfo=None)


def _instant(text: str) -> datetime:
    """A naive UTC instant from ISO 8601 text; without an offset it is UTC."""
    read = datetime.fromisoformat(text)
    return read.astimezone(UTC).replace(tzinfo=None) if read.tzinfo else read
