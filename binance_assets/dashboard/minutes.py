"""The price of a pair over any span of its history, from the files of the export and of the lake.

Never from the warehouse, which the collector has open: so of a pair that is not on the watch list minutes end with the
newest day that is sealed, and hours go on to the newest publication.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import duckdb

from binance_assets.archive.tables import KLINE
from binance_assets.clients.binance import EPOCH
from binance_assets.export.publish import read_manifest
from binance_assets.export.versions import current
from binance_assets.home import Store
from binance_assets.mart.tables import DIM_PAIR, FACT_PRICE_DAY, FACT_PRICE_HOUR, FACT_PRICE_MINUTE, GAP
from binance_assets.sql import sql
from binance_assets.tables import Table

MOST_POINTS = 2900
"""Two days of minutes, and more than a screen can show side by side."""

SAMPLED_DAYS = 3
"""Of how many sealed days minutes of samples are read at most, since each is a file with all pairs."""

_MINUTE, _HOUR, _DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)

_BUCKETS = [
    *(timedelta(minutes=minutes) for minutes in (1, 2, 5, 10)),
    *(timedelta(hours=hours) for hours in (1, 2, 3)),
]
"""Those below an hour are made of minutes, of which so no more than three weeks are ever read; then of hours, no more
than a year; longer ones of days."""

_ATTEMPTS = 5
"""A month that is put together anew, or a publication that is retired, takes files away between looking and reading."""


class NoSuchPrices(Exception):
    """There is nothing to show; the message says what there would be.

    Attributes:
        covers: From when to when there are prices of the pair; None if there are none at all.
    """

    def __init__(self, message: str, covers: tuple[datetime, datetime] | None = None) -> None:
        super().__init__(message)
        self.covers = covers


class Gap(NamedTuple):
    """An interval of the ledger; without an end while it lasts."""

    since: datetime
    until: datetime | None
    cause: str


@dataclass(frozen=True)
class Prices:
    """Prices of a pair in spans of equal length, None where there is none.

    Attributes:
        symbol: The pair.
        bucket: How long a span is.
        since: Start of the first span.
        until: End of the last one.
        covers: From when to when there are prices of the pair.
        low: Lowest price of each span.
        average: Average of each; of candles by volume.
        high: Highest price of each.
        gaps: What the ledger says of the spans without a price, in order of time.
    """

    symbol: str
    bucket: timedelta
    since: datetime
    until: datetime
    covers: tuple[datetime, datetime]
    low: Sequence[float | None]
    average: Sequence[float | None]
    high: Sequence[float | None]
    gaps: Sequence[Gap]


@dataclass(frozen=True)
class _Pair:
    """What a publication has of a pair, instants from, and up to without."""

    key: int
    since: datetime
    until: datetime
    candles_until: datetime
    minutes: tuple[datetime, datetime] | None


@dataclass(frozen=True)
class _Publication:
    """A version of the export: its folder, its pairs, the end of its hours, and of the days that are over."""

    folder: Path
    pairs: Mapping[str, _Pair | None]
    hours_until: datetime
    days_until: datetime

    def file(self, table: Table) -> str:
        """The file of a table."""
        return _file(self.folder, table)


class PriceHistory:
    """The prices of a store, to be asked by any number of threads while it is written."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._duck = duckdb.connect()
        self._duck.execute("set enable_progress_bar = false")
        self._duck.execute("set preserve_insertion_order = false")
        # Of all cursors: what a file's footer says is kept until the file is another one.
        self._duck.execute("set global parquet_metadata_cache = true")
        self._parsed: dict[str, duckdb.Statement] = {}
        self._changing = threading.Lock()
        self._known: _Publication | None = None

    def prices(
        self, symbol: str, since: datetime | None = None, until: datetime | None = None, points: int = MOST_POINTS
    ) -> Prices:
        """Prices from an instant up to another, in no more spans than there are to be points.

        Args:
            symbol: The pair, as the exchange calls it.
            since: Naive UTC; default: the first price. The spans begin with the one that it lies in.
            until: Naive UTC; default: the newest price.
            points: 1 to :data:`MOST_POINTS`.

        Raises:
            NoSuchPrices: Nothing is exported, the pair is unknown, or has no price then.
            duckdb.Error: The files cannot be read.
        """
        for attempt in range(_ATTEMPTS):
            try:
                return self._prices(symbol, since, until, points)
            except (duckdb.IOException, FileNotFoundError):
                if attempt == _ATTEMPTS - 1:
                    raise
        raise AssertionError

    def close(self) -> None:
        """Let go of everything."""
        self._duck.close()

    def _prices(self, symbol: str, since: datetime | None, until: datetime | None, points: int) -> Prices:
        known = self._publication()
        if symbol not in known.pairs:
            raise NoSuchPrices(f"There is no pair {symbol} in the export. The exchange's names look like BTCUSDT.")
        pair = known.pairs[symbol]
        if pair is None:
            raise NoSuchPrices(
                f"There is no hour of {symbol} in the export yet, and minutes only of the pairs on the watch list."
            )
        covers = (pair.since, pair.until)
        since, until = max(since or pair.since, pair.since), min(until or pair.until, pair.until)
        if since >= until:
            raise NoSuchPrices(f"There are prices of {symbol} from {_text(pair.since)} to {_text(pair.until)}.", covers)
        bucket = _bucket(until - since, points)
        if bucket < _HOUR and not self._has_minutes(pair, since, until):
            bucket = _HOUR
        since = EPOCH + (since - EPOCH) // bucket * bucket
        count = math.ceil((until - since) / bucket)
        span = {"pair": pair.key, "since": since, "until": since + count * bucket}
        low, average, high = self._lists(known, pair, span, bucket, count)
        gaps = self._gaps(known, span, bucket, low)
        return Prices(symbol, bucket, since, since + count * bucket, covers, low, average, high, gaps)

    def _lists(
        self, known: _Publication, pair: _Pair, span: Mapping[str, Any], bucket: timedelta, count: int
    ) -> Sequence[Sequence[float | None]]:
        """Low, average and high of each span, from those of the files that have any of it."""
        since, until = span["since"], span["until"]
        minutes_since = pair.minutes[0] if pair.minutes else until
        hours_since = since
        files: dict[str, dict[str, Any]] = {}
        if bucket >= _DAY:
            hours_since = _within(known.days_until, since, until)
            files["exported_days"] = {"days": known.file(FACT_PRICE_DAY)}
        if bucket >= _HOUR:
            minutes_since = max(minutes_since, known.hours_until)
            files["exported_hours"] = {"hours": known.file(FACT_PRICE_HOUR)}
        minutes_since = _within(minutes_since, since, until)
        if bucket < _HOUR and since < minutes_since:
            files["candles"] = {"candles": self._candles(since, minutes_since)}
            files["sampled"] = {"sampled": self._sampled(since, minutes_since)}
        if minutes_since < until:
            files["exported_minutes"] = {"minutes": known.file(FACT_PRICE_MINUTE)}
        given = {**span, "hours_since": hours_since, "lake_until": minutes_since, "exported_since": minutes_since}
        given |= {"seconds": bucket // timedelta(seconds=1)}
        pieces = {name: its for name, its in files.items() if all(its.values())}
        lists: list[list[float | None]] = [[None] * count for _ in range(3)]
        if pieces:
            for its in pieces.values():
                given |= its
            low, average, high = lists
            for number, *values in self._rows(_question(pieces), given):
                low[number], average[number], high[number] = values
        return lists

    def _gaps(
        self, known: _Publication, span: Mapping[str, Any], bucket: timedelta, prices: Sequence[float | None]
    ) -> list[Gap]:
        """Those in which a span without a price lies, or a part of one."""
        if None not in prices:
            return []
        given = {**span, "gaps": known.file(GAP)}
        told = [Gap(*row) for row in self._rows(sql("dashboard/history/gaps.sql"), given)]

        def is_seen(gap: Gap) -> bool:
            first = max(0, (gap.since - span["since"]) // bucket)
            last = math.ceil((min(gap.until or span["until"], span["until"]) - span["since"]) / bucket)
            return None in prices[first:last]

        return [gap for gap in told if is_seen(gap)]

    def _rows(self, text: str, given: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """The rows of a query, with those of the parameters that it names."""
        with self._duck.cursor() as cursor:
            if text not in self._parsed:
                [self._parsed[text]] = cursor.extract_statements(text)
            statement = self._parsed[text]
            return cursor.execute(statement, {it: given[it] for it in statement.named_parameters}).fetchall()

    # What there is

    def _publication(self) -> _Publication:
        folder = current(self._store.export)
        if folder is None:
            raise NoSuchPrices(f"There is no export in {self._store.export} yet. `binance-assets run` makes one.")
        with self._changing:
            if self._known is None or self._known.folder != folder:
                self._known = self._read(folder)
            return self._known

    def _read(self, folder: Path) -> _Publication:
        tables = {"pairs": DIM_PAIR, "hours": FACT_PRICE_HOUR, "minutes": FACT_PRICE_MINUTE}
        files = {given: _file(folder, table) for given, table in tables.items()}
        pairs = {symbol: _pair(*extent) for symbol, *extent in self._rows(sql("dashboard/history/covered.sql"), files)}
        last = {file["table"]: file["window"]["last"] for file in read_manifest(folder)["files"] if file["window"]}
        last_hour, last_day = last[FACT_PRICE_HOUR.bare_name], last[FACT_PRICE_DAY.bare_name]
        hours_until = _naive(last_hour) + _HOUR if last_hour else EPOCH
        over_until = _instant(hours_until.date())  # of candles the running day is there, too
        days_until = min(over_until, _instant(date.fromisoformat(last_day)) + _DAY) if last_day else EPOCH
        return _Publication(folder, pairs, hours_until, days_until)

    def _has_minutes(self, pair: _Pair, since: datetime, until: datetime) -> bool:
        """Whether all minutes of a span can be read, and not too many days of all pairs for it."""
        sealed = self._sealed_days()
        sealed_until = _instant(sealed[-1]) + _DAY if sealed else EPOCH
        in_lake_until = max(sealed_until, pair.candles_until)
        exported_since = pair.minutes[0] if pair.minutes else pair.until
        if since < exported_since and until > in_lake_until and in_lake_until < exported_since:
            return False
        return len(self._sampled(since, min(until, exported_since))) <= SAMPLED_DAYS

    def _sampled(self, since: datetime, until: datetime) -> list[str]:
        """The sealed days of a span of time."""
        days = [day for day in self._sealed_days() if since.date() <= day <= until.date()]
        places = (self._lake(FACT_PRICE_MINUTE.bare_name) / f"date={day}" / "data.parquet" for day in days)
        return [str(place) for place in places if place.exists()]

    def _sealed_days(self) -> list[date]:
        """Those that have a folder, in order."""
        folders = self._lake(FACT_PRICE_MINUTE.bare_name).glob("date=*")
        return sorted(date.fromisoformat(folder.name.removeprefix("date=")) for folder in folders)

    def _candles(self, since: datetime, until: datetime) -> list[str]:
        """The months of candles of a span of time: of several files of one the newest, the others are left over."""
        files = (
            list((self._lake(KLINE.bare_name) / f"month={month}").glob("*.parquet")) for month in _months(since, until)
        )
        return [str(max(of_month, key=lambda file: file.stat().st_mtime_ns)) for of_month in files if of_month]

    def _lake(self, table: str) -> Path:
        return self._store.warehouse.lake / table


def _question(pieces: Mapping[str, object]) -> str:
    piece = "\nunion all\n".join(sql(f"dashboard/history/{name}.sql") for name in pieces)
    chosen = sql("dashboard/history/preferred.sql") if "sampled" in pieces else "from piece"
    buckets = sql("dashboard/history/buckets.sql")
    return f"with piece as (\n{piece}\n), chosen as (\n{chosen}\n) from (\n{buckets}\n)"


def _pair(
    key: int,
    first_hour: datetime | None,
    last_hour: datetime | None,
    last_candle_hour: datetime | None,
    first_minute: datetime | None,
    last_minute: datetime | None,
) -> _Pair | None:
    """What there is of a pair, by its minutes where its first and last hour have any; None if there is nothing."""
    minutes = (first_minute, last_minute + _MINUTE) if first_minute and last_minute else None
    hours = (first_hour, last_hour + _HOUR) if first_hour and last_hour else None
    span = hours or minutes
    if span is None:
        return None
    since, until = span
    if hours and minutes:
        since = minutes[0] if minutes[0] < hours[0] + _HOUR else hours[0]
        until = minutes[1] if minutes[1] > hours[1] - _HOUR else hours[1]
    return _Pair(key, since, until, last_candle_hour + _HOUR if last_candle_hour else EPOCH, minutes)


def _file(folder: Path, table: Table) -> str:
    return str(folder / f"{table.bare_name}.parquet")


def _within(instant: datetime, since: datetime, until: datetime) -> datetime:
    return min(max(instant, since), until)


def _bucket(span: timedelta, points: int) -> timedelta:
    """The shortest bucket of which no more than so many make a span, one more if it begins in the middle of one."""
    for bucket in _BUCKETS:
        if span <= (points - 1) * bucket:
            return bucket
    return math.ceil(span / max(1, points - 1) / _DAY) * _DAY


def _months(since: datetime, until: datetime) -> Iterator[str]:
    month = since.date().replace(day=1)
    while _instant(month) < until:
        yield f"{month:%Y-%m}"
        month = (month + timedelta(days=31)).replace(day=1)


def _instant(day: date) -> datetime:
    return datetime.combine(day, time())


def _naive(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC).replace(tzinfo=None)


def _text(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M} UTC"
