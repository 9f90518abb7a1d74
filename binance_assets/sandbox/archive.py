"""The sandbox's archive: files of one-minute candles, made when they are first asked for.

After the exchange's archive (2026): a zip for each pair and month or day with one CSV in it, a ``.CHECKSUM`` beside it,
and the listing of an S3 bucket. The candles are those of ``klines``. Knows no HTTP but its answers.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import tempfile
import threading
import time
import zipfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import chain
from typing import IO
from xml.sax.saxutils import escape

import numpy as np

from binance_assets.sandbox.archive_defects import EPOCH, SECOND, Defect, Defects
from binance_assets.sandbox.catalogue import UNITS, Pair
from binance_assets.sandbox.csv_lines import Column, csv_lines
from binance_assets.sandbox.faults import Answer, http_date
from binance_assets.sandbox.market import Candles, Market
from binance_assets.sandbox.walk import Ints

MINUTE_SECONDS = 60
DAY = timedelta(days=1)

UPLOADED_AT = timedelta(hours=5)
"""When on a day new files appear: the day's on the next one, the month's on the next month's first Monday."""

MICROSECONDS_FROM = datetime(2025, 1, 1)  # noqa: DTZ001 - all instants are naive UTC
"""Before it, times are in milliseconds."""

MOST_KEYS = 1000
"""In one page of a listing."""

LONGEST_PAGE_SECONDS = 5.0
"""A listing tells sizes, so its files have to be made. S3 may list fewer keys than asked for; this does when it takes
longer."""

_KEY = re.compile(
    r"data/spot/(?P<scope>daily|monthly)/klines/(?P<symbol>[^/]+)/1m/"
    r"(?P=symbol)-1m-(?P<period>\d{4}-\d\d(-\d\d)?)\.zip(?P<checksum>\.CHECKSUM)?"
)
_MONTH = re.compile(r"-1m-(20\d\d)-(0[1-9]|1[0-2])")
_COMPRESSION = 1


@dataclass(frozen=True)
class ArchiveFile:
    """A zip that is due, whether or not it was made. Instants are naive UTC.

    Attributes:
        pair: Whose candles.
        scope: ``monthly`` or ``daily``.
        first: First day in it.
        stop: First day after it.
    """

    pair: Pair
    scope: str
    first: date
    stop: date

    @property
    def period(self) -> str:
        """As in the name: ``2020-01``, or ``2020-01-05``."""
        return f"{self.first:%Y-%m}" if self.scope == "monthly" else f"{self.first:%Y-%m-%d}"

    @property
    def name(self) -> str:
        """Without the ``.zip``."""
        return f"{self.pair.symbol}-1m-{self.period}"

    @property
    def key(self) -> str:
        """Where it is, without a slash at the beginning."""
        return f"{_folder(self.scope, self.pair.symbol)}{self.name}.zip"

    @property
    def due_at(self) -> datetime:
        """When it is uploaded."""
        uploaded_on = self.stop
        if self.scope == "monthly":
            uploaded_on += DAY * (-uploaded_on.weekday() % 7)
        return datetime.combine(uploaded_on, datetime.min.time()) + UPLOADED_AT


@dataclass(frozen=True)
class _Made:
    """A zip that was made: where it is kept, and what is told of it."""

    offset: int
    size: int
    etag: str
    checksum: bytes


class Archive:
    """The archive of a market.

    Args:
        market: Whose candles.

    Attributes:
        defects: What is wrong in it.
    """

    def __init__(self, market: Market) -> None:
        self.defects = Defects()
        self._market = market
        self._symbols = sorted(market.place_of, key=lambda symbol: symbol + "/")
        self._kept: IO[bytes] | None = None
        self._keeping = threading.Lock()
        self._made: dict[tuple[str, tuple[Defect, ...]], _Made] = {}
        self._making: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    def answer(self, key: str, query: Mapping[str, str], now_ms: int) -> Answer:
        """What is at an address: a file, a checksum, the listing (the key is empty), or an error as S3 writes it."""
        now = EPOCH + timedelta(milliseconds=now_ms)
        if not key:
            return self._page(query, now)
        match = _KEY.fullmatch(key)
        file = match and self._file(match["scope"], match["symbol"], match["period"])
        if not match or not file or not self._is_there(file, now):
            return _error(404, "NoSuchKey", "The specified key does not exist.", key)
        is_checksum = match["checksum"] is not None
        made = self._make(file, self.defects.taken(file.pair.symbol, file.period, now, is_checksum=is_checksum))
        headers = {
            "Last-Modified": http_date((self._modified_at(file, now) - EPOCH) // SECOND * 1000),
            "ETag": f'"{made.etag}"',
            "Content-Type": "application/zip",
        }
        if is_checksum:
            etag = hashlib.md5(made.checksum).hexdigest()  # noqa: S324 - what S3 calls an ETag
            headers |= {"ETag": f'"{etag}"', "Content-Type": "binary/octet-stream"}
            return Answer(raw=made.checksum, headers=headers)
        return Answer(raw=self._read(made), headers=headers)

    def close(self) -> None:
        """Forgets the files that were made."""
        with self._keeping:
            self._made.clear()
            if self._kept:
                self._kept.close()
                self._kept = None

    def _file(self, scope: str, symbol: str, period: str) -> ArchiveFile | None:
        """The file of a name, whether or not it is due; None for a name that is none."""
        place = self._market.place_of.get(symbol)
        if place is None or len(period) != (7 if scope == "monthly" else 10):
            return None
        try:
            first = date.fromisoformat(period if scope == "daily" else f"{period}-01")
        except ValueError:
            return None
        return ArchiveFile(self._market.pairs[place], scope, first, _next(scope, first))

    def _files(self, scope: str, symbol: str, now: datetime, marker: str = "") -> Iterator[ArchiveFile]:
        """The files of a pair that are there, in order; those of months before a marker's are left out."""
        place = self._market.place_of[symbol]
        born, died = (EPOCH + it * SECOND for it in self._market.life(place, (now - EPOCH) // SECOND))
        first = born.date() if scope == "daily" else born.date().replace(day=1)
        if month := _MONTH.search(marker):
            first = max(first, date(int(month[1]), int(month[2]), 1))
        while first <= died.date():
            file = ArchiveFile(self._market.pairs[place], scope, first, _next(scope, first))
            if self._is_there(file, now):
                yield file
            first = file.stop

    def _is_there(self, file: ArchiveFile, now: datetime) -> bool:
        second = (now - EPOCH) // SECOND
        born, died = self._market.life(self._market.place_of[file.pair.symbol], second)
        begins, ends = _second(file.first), _second(file.stop)
        return (
            file.due_at <= now
            and born < ends
            and died >= begins
            and not any(start <= begins and ends <= stop for start, stop in self.defects.outages)
            and not any(it.kind == "not_uploaded" for it in self.defects.of(file.pair.symbol, file.period, now))
        )

    def _modified_at(self, file: ArchiveFile, now: datetime) -> datetime:
        return max(file.due_at, self.defects.changed_at(file.pair.symbol, file.period, now) or file.due_at)

    def _make(self, file: ArchiveFile, defects: tuple[Defect, ...]) -> _Made:
        """The zip of a file with some defects, made once."""
        with self._making[file.key]:
            made = self._made.get((file.key, defects))
            if not made:
                text = self._text(file, with_next_minute=any(it.kind == "open_candle" for it in defects))
                for defect in defects:
                    text = defect.on_text(text)
                content = _zipped(file, text, defects)
                listed = content
                for defect in defects:
                    content = defect.on_zip(content)
                checksum = hashlib.sha256(listed).hexdigest()
                for defect in defects:
                    checksum = defect.on_checksum(checksum)
                made = _Made(
                    offset=self._keep(content),
                    size=len(content),
                    etag=hashlib.md5(content).hexdigest(),  # noqa: S324 - what S3 calls an ETag
                    checksum=f"{checksum}  {file.name}.zip".encode(),
                )
                self._made[file.key, defects] = made
        return made

    def _text(self, file: ArchiveFile, *, with_next_minute: bool) -> bytes:
        """The candles of a file as CSV; behind them, that of the minute after it, of which half is over."""
        place = self._market.place_of[file.pair.symbol]
        begins, ends = _second(file.first), _second(file.stop)
        seen_at = ends + MINUTE_SECONDS // 2 if with_next_minute else ends - 1
        born, died = self._market.life(place, seen_at)
        first, last = max(begins, born) // MINUTE_SECONDS, died // MINUTE_SECONDS
        bounds = np.arange(first, last + 2) * MINUTE_SECONDS
        outages = self.defects.outages
        candles = self._market.candles(place, bounds, seen_at, outages)
        times = bounds * (10**6 if file.first >= MICROSECONDS_FROM.date() else 10**3)
        is_there = np.ones(len(bounds) - 1, dtype=bool)
        for start, stop in outages:
            is_there &= (bounds[:-1] < start) | (bounds[1:] > stop)
        shown = Candles(*(column[is_there] for column in candles))
        return _csv(file.pair, times[:-1][is_there], times[1:][is_there] - 1, shown)

    def _keep(self, content: bytes) -> int:
        """Puts something into a file without a name, which no crash can leave behind. Returns where."""
        with self._keeping:
            if not self._kept:
                self._kept = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the archive
            offset = self._kept.seek(0, io.SEEK_END)
            self._kept.write(content)
            self._kept.flush()
            return offset

    def _read(self, made: _Made) -> bytes:
        with self._keeping:
            assert self._kept
            return os.pread(self._kept.fileno(), made.size, made.offset)

    def _page(self, query: Mapping[str, str], now: datetime) -> Answer:
        """A page of the listing (S3 ListObjects, version 1)."""
        prefix, delimiter, marker = (query.get(name, "") for name in ("prefix", "delimiter", "marker"))
        wanted = query.get("max-keys", str(MOST_KEYS))
        if delimiter not in ("", "/") or not re.fullmatch(r"\d{1,9}", wanted):
            return _error(400, "InvalidArgument", "Only / is a delimiter, and max-keys is a number.", prefix)
        most = min(int(wanted), MOST_KEYS)
        entries: list[str] = []
        last, count, is_truncated = marker, 0, False
        started = time.monotonic()
        for key, file in self._entries(prefix, delimiter, marker, now):
            if count >= most or time.monotonic() - started > LONGEST_PAGE_SECONDS:
                is_truncated = most > 0
                break
            entries.append(self._entry(key, file, now) if file else _tag("CommonPrefixes", _tag("Prefix", escape(key))))
            last, count = key, count + 1
        head = [
            _tag("Name", "sandbox"),
            _tag("Prefix", escape(prefix)),
            _tag("Marker", escape(marker)),
            _tag("NextMarker", escape(last)) if is_truncated and delimiter else "",
            _tag("MaxKeys", str(most)),
            _tag("Delimiter", delimiter) if delimiter else "",
            _tag("IsTruncated", str(is_truncated).lower()),
        ]
        namespace = "http://s3.amazonaws.com/doc/2006-03-01/"
        body = f'<ListBucketResult xmlns="{namespace}">{"".join(chain(head, entries))}</ListBucketResult>'
        return _xml(200, body)

    def _entries(
        self, prefix: str, delimiter: str, marker: str, now: datetime
    ) -> Iterator[tuple[str, ArchiveFile | None]]:
        """Keys with their files, and common prefixes without, after the marker, in order."""
        told = ""
        for scope in ("daily", "monthly"):
            for symbol in self._symbols:
                folder = _folder(scope, symbol)
                if not folder.startswith(prefix) and not prefix.startswith(folder):
                    continue
                if marker > folder and not marker.startswith(folder):
                    continue
                end = folder.find("/", len(prefix)) if delimiter and folder.startswith(prefix) else -1
                if end >= 0:
                    common = folder[: end + 1]
                    if common not in (told, marker) and any(self._files(scope, symbol, now)):
                        told = common
                        yield common, None
                    continue
                for file in self._files(scope, symbol, now, marker if marker.startswith(folder) else ""):
                    for key in (file.key, f"{file.key}.CHECKSUM"):
                        if key.startswith(prefix) and key > marker:
                            yield key, file

    def _entry(self, key: str, file: ArchiveFile, now: datetime) -> str:
        made = self._make(file, self.defects.of(file.pair.symbol, file.period, now))
        size, etag = made.size, made.etag
        if key.endswith(".CHECKSUM"):
            size, etag = len(made.checksum), hashlib.md5(made.checksum).hexdigest()  # noqa: S324
        return _tag(
            "Contents",
            _tag("Key", escape(key))
            + _tag("LastModified", f"{self._modified_at(file, now):%Y-%m-%dT%H:%M:%S}.000Z")
            + _tag("ETag", f"&quot;{etag}&quot;")
            + _tag("Size", str(size))
            + _tag("StorageClass", "STANDARD"),
        )


def _folder(scope: str, symbol: str) -> str:
    return f"data/spot/{scope}/klines/{symbol}/1m/"


def _next(scope: str, first: date) -> date:
    """The first day after a month or day."""
    return first + DAY if scope == "daily" else (first.replace(day=1) + 31 * DAY).replace(day=1)


def _second(day: date) -> int:
    return (datetime.combine(day, datetime.min.time()) - EPOCH) // SECOND


def _csv(pair: Pair, opened: Ints, closed: Ints, candles: Candles) -> bytes:
    """Candles as CSV; the same digits as in ``klines``."""

    def price(ticks: Ints) -> Column:
        return Column(ticks * pair.tick, 8)

    def volume(steps: Ints) -> Column:
        return Column(steps * pair.step, 8)

    def quote_volume(amounts: Ints) -> Column:
        """Of ticks times steps. Tick and step are powers of ten; multiplied first, it would not fit."""
        scale = pair.tick * pair.step
        return Column(amounts * (scale // UNITS) if scale >= UNITS else amounts // (UNITS // scale), 8)

    return csv_lines(
        [
            Column(opened, 0),
            *(price(ticks) for ticks in (candles.open, candles.high, candles.low, candles.close)),
            volume(candles.volume),
            Column(closed, 0),
            quote_volume(candles.quote_volume),
            Column(candles.trade_count, 0),
            volume(candles.bought),
            quote_volume(candles.quote_bought),
            Column(np.zeros_like(opened), 0),
        ]
    )


def _zipped(file: ArchiveFile, text: bytes, defects: tuple[Defect, ...]) -> bytes:
    """A zip of a text, the same bytes each time."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:

        def member(name: str) -> zipfile.ZipInfo:
            info = zipfile.ZipInfo(name, file.due_at.timetuple()[:6])
            info.create_system, info.compress_type = 3, zipfile.ZIP_DEFLATED
            return info

        for bomb in defects:
            text += bytes(bomb.megabytes * 2**20) if bomb.kind == "bomb" else b""
        archive.writestr(member(f"{file.name}.csv"), text, compresslevel=_COMPRESSION)
        if any(it.kind == "two_members" for it in defects):
            archive.writestr(member("README.txt"), "Nothing that belongs here.\n", compresslevel=_COMPRESSION)
    return content.getvalue()


def _tag(name: str, content: str) -> str:
    return f"<{name}>{content}</{name}>"


def _error(status: int, code: str, message: str, key: str) -> Answer:
    body = _tag("Error", _tag("Code", code) + _tag("Message", message) + _tag("Key", escape(key)))
    return _xml(status, body)


def _xml(status: int, body: str) -> Answer:
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n{body}'
    return Answer(status, raw=text.encode(), headers={"Content-Type": "application/xml"})
