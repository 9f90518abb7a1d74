"""What can be wrong in the sandbox's archive: one row of a table for each kind that the exchange's own has shown."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar, NamedTuple

from pydantic import ConfigDict, TypeAdapter

EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - all instants are naive UTC
SECOND = timedelta(seconds=1)

Rows = list[str]

FUTURES_HEADER = (
    "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore"
)

_MICROSECONDS = 10**14
"""From here on, a time is in microseconds."""


@dataclass(frozen=True)
class Defect:
    """Something wrong in the archive. Instants are naive UTC, by the exchange's clock.

    Attributes:
        kind: One of ``KINDS``, such as ``repeated_rows``.
        symbol: Whose files; None for those of all pairs.
        period: Which file, as in its name: ``2020-01`` (a month) or ``2020-01-05`` (a day); None for all.
        since: From when on; before that, the file is right. None: always.
        until: Until when; from then on, the file is right. None: for ever. What begins or ends replaces the file.
        count: For so many downloads of each file, or of its checksum where that is wrong.
        row: The first row that is meant, counted from 1.
        rows: How many.
        start: The first minute without candles, of an ``outage``.
        end: The first minute that has one again.
        megabytes: To which a ``bomb`` unpacks.

    Raises:
        ValueError: There is no such kind, or it does not say what it must.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    kind: str
    symbol: str | None = None
    period: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    count: int | None = None
    row: int = 700
    rows: int = 5
    start: datetime | None = None
    end: datetime | None = None
    megabytes: int = 300

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"there is no defect {self.kind!r}; there are {', '.join(KINDS)}")
        if self.row < 1 or self.rows < 1:
            raise ValueError(f"{self.kind}: row and rows count from 1")
        if self.kind == "outage" and (
            not self.start or not self.end or self.symbol or self.period or self.since or self.until or self.count
        ):
            raise ValueError("an outage has start and end, and is one of all pairs and files, at all times")
        for instant in (self.since, self.until, self.start, self.end):
            if instant and instant.tzinfo:
                raise ValueError(f"{self.kind}: instants are UTC, written without a zone")

    def is_of(self, symbol: str, period: str) -> bool:
        """Whether it concerns a file."""
        return self.symbol in (None, symbol) and self.period in (None, period)

    def on_text(self, text: bytes) -> bytes:
        """What becomes of the CSV."""
        change = KINDS[self.kind].on_rows
        if not change or not text:
            return text
        return "".join(f"{row}\n" for row in change(text.decode().splitlines(), self)).encode()

    def on_zip(self, content: bytes) -> bytes:
        """What becomes of the zip, after its checksum was taken."""
        change = KINDS[self.kind].on_zip
        return change(content) if change else content

    def on_checksum(self, sha256: str) -> str:
        """What ``.CHECKSUM`` says."""
        return sha256[::-1] if self.kind == "checksum_mismatch" else sha256


_DEFECTS: TypeAdapter[Defect | list[Defect]] = TypeAdapter(Defect | list[Defect])


def read_defects(text: str | bytes) -> list[Defect]:
    """A defect, or a list of them, in JSON with the names of :class:`Defect`.

    Raises:
        ValueError: It is not.
    """
    defects = _DEFECTS.validate_json(text)
    return defects if isinstance(defects, list) else [defects]


class Defects:
    """The defects that an archive has."""

    def __init__(self) -> None:
        self._all: tuple[Defect, ...] = ()
        self._taken: Counter[tuple[Defect, str, str]] = Counter()
        self._taking = threading.Lock()

    def add(self, defects: Iterable[Defect]) -> None:
        """Adds some, behind those that are there."""
        self._all += tuple(defects)

    def clear(self) -> None:
        """Sets all right."""
        self._all = ()
        self._taken.clear()

    @property
    def outages(self) -> tuple[tuple[int, int], ...]:
        """Spans without any trade, in seconds since 1970, in order. They must not overlap."""
        spans = [(it.start, it.end) for it in self._all if it.kind == "outage" and it.start and it.end]
        return tuple(sorted(((start - EPOCH) // SECOND, (end - EPOCH) // SECOND) for start, end in spans))

    def of(self, symbol: str, period: str, now: datetime) -> tuple[Defect, ...]:
        """Those that a file has now; an outage is one of the market, and counts here as it makes another file."""
        return tuple(it for it in self._all if it.is_of(symbol, period) and self._acts(it, symbol, period, now))

    def taken(self, symbol: str, period: str, now: datetime, *, is_checksum: bool) -> tuple[Defect, ...]:
        """The same, for a file that is about to be sent, which is counted."""
        with self._taking:
            found = self.of(symbol, period, now)
            for defect in found:
                if is_checksum == (defect.kind == "checksum_mismatch"):
                    self._taken[defect, symbol, period] += 1
            return found

    def changed_at(self, symbol: str, period: str, now: datetime) -> datetime | None:
        """When a file was last replaced, or was uploaded late."""
        instants = [instant for it in self._all if it.is_of(symbol, period) for instant in (it.since, it.until)]
        return max((instant for instant in instants if instant and instant <= now), default=None)

    def listed(self) -> list[dict[str, Any]]:
        """For JSON."""
        defects: list[dict[str, Any]] = _DEFECTS.dump_python(list(self._all), mode="json")
        return defects

    def _acts(self, defect: Defect, symbol: str, period: str, now: datetime) -> bool:
        return (
            (defect.since is None or defect.since <= now)
            and (defect.until is None or now < defect.until)
            and (defect.count is None or self._taken[defect, symbol, period] < defect.count)
        )


def _fields(change: Callable[[list[str]], list[str]]) -> Callable[[Rows, Defect], Rows]:
    """A change of the values of the rows that are meant."""

    def on_rows(rows: Rows, defect: Defect) -> Rows:
        before, meant, after = _parts(rows, defect)
        return [*before, *(",".join(change(row.split(","))) for row in meant), *after]

    return on_rows


def _parts(rows: Rows, defect: Defect) -> tuple[Rows, Rows, Rows]:
    """The rows before those that are meant, those, and the ones after."""
    start = min(defect.row, len(rows)) - 1
    stop = start + defect.rows
    return rows[:start], rows[start:stop], rows[stop:]


def _missing(rows: Rows, defect: Defect) -> Rows:
    before, _, after = _parts(rows, defect)
    return [*before, *after]


def _cut_short(rows: Rows, defect: Defect) -> Rows:
    return _parts(rows, defect)[0]


def _repeated(rows: Rows, defect: Defect) -> Rows:
    before, meant, after = _parts(rows, defect)
    return [*before, *meant * 3, *after]


def _merged(rows: Rows, defect: Defect) -> Rows:
    """The first half of a row, and the next row behind it in the same line."""
    before, meant, after = _parts(rows, defect)
    first, *rest = [*meant, *after]
    return [*before, first[: len(first) // 2] + "".join(rest[:1]), *rest[1:]]


def _out_of_order(rows: Rows, defect: Defect) -> Rows:
    before, meant, after = _parts(rows, defect)
    return [*before, *reversed(meant), *after]


def _revised(row: list[str]) -> list[str]:
    """One trade more than before."""
    return [*row[:8], str(int(row[8]) + 1), *row[9:]]


def _high_below_low(row: list[str]) -> list[str]:
    """The two the wrong way round; where they are the same, the low is raised."""
    high, low = row[2:4]
    if high == low:
        low = f"{int(low[0]) + 1}{low[1:]}"
        return [*row[:3], low, *row[4:]]
    return [*row[:2], low, high, *row[4:]]


def _negative_volume(row: list[str]) -> list[str]:
    volume = row[5] if row[5].strip("0.") else "1.00000000"
    return [*row[:5], f"-{volume}", *row[6:]]


def _other_unit(row: list[str]) -> list[str]:
    def other(text: str, *, is_end: bool) -> str:
        time = int(text)
        return str(time // 1000 if time >= _MICROSECONDS else time * 1000 + 999 * is_end)

    return [other(row[0], is_end=False), *row[1:6], other(row[6], is_end=True), *row[7:]]


def _all_in_other_unit(rows: Rows, defect: Defect) -> Rows:
    return [",".join(_other_unit(row.split(","))) for row in rows]


def _futures(rows: Rows, defect: Defect) -> Rows:
    """A header, and milliseconds at all times."""
    in_microseconds = int(rows[0].partition(",")[0]) >= _MICROSECONDS
    return [FUTURES_HEADER, *(_all_in_other_unit(rows, defect) if in_microseconds else rows)]


def _flipped(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 0x10]) + content[middle + 1 :]


class Kind(NamedTuple):
    """A kind of defect: what it looks like, and what it does."""

    says: str
    on_rows: Callable[[Rows, Defect], Rows] | None = None
    on_zip: Callable[[bytes], bytes] | None = None


KINDS: dict[str, Kind] = {
    # candles that are not there
    "outage": Kind("no candles from `start` to before `end`, of any pair, in `klines` neither"),
    "missing_rows": Kind("`rows` rows from `row` on are missing", _missing),
    "cut_short": Kind("the file ends before `row`", _cut_short),
    "not_uploaded": Kind("404, although it is due; with `until`, it is late"),
    # rows that are not right
    "repeated_rows": Kind("`rows` rows from `row` on stand there three times", _repeated),
    "merged_line": Kind("half of `row`, and the next one in the same line", _merged),
    "out_of_order": Kind("`rows` rows from `row` on stand there backwards", _out_of_order),
    "high_below_low": Kind("of `rows` rows from `row` on, high and low are exchanged", _fields(_high_below_low)),
    "negative_volume": Kind("the volume of `rows` rows from `row` on is negative", _fields(_negative_volume)),
    "open_candle": Kind("the minute after the file's end, which was not over, stands in it as well"),
    "revised": Kind(
        "`rows` rows from `row` on have one trade more; with `since`, the file is replaced", _fields(_revised)
    ),
    # files that are something else
    "futures_file": Kind("the futures' file: a header, and milliseconds in 2025 and later", _futures),
    "header_row": Kind("a header", lambda rows, _: [FUTURES_HEADER, *rows]),
    "wrong_unit": Kind("microseconds before 2025, milliseconds after", _all_in_other_unit),
    # zips that are not right
    "checksum_mismatch": Kind("the checksum is that of something else"),
    "flipped_byte": Kind("one bit in the zip is wrong, the checksum is right", None, _flipped),
    "truncated_zip": Kind("half of the zip, the checksum is that of all of it", None, lambda it: it[: len(it) // 2]),
    "two_members": Kind("a second file in the zip"),
    "bomb": Kind("a small zip of `megabytes` MB"),
}
"""All kinds of defects."""
