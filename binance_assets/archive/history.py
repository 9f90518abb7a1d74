"""Brings candles of some pairs and days from the archive into landing, where there is room for them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime

from filelock import FileLock, Timeout

from binance_assets.archive.onlooker import Onlooker
from binance_assets.clients.archive import DAY, ArchiveClient, last_day
from binance_assets.home import Store
from binance_assets.housekeeping.disk import free_bytes
from binance_assets.landing.archive import Amount, Outcome, Span, download, recheck

OPENED = date(2017, 7, 14)
"""The exchange's first day."""

FIRST_DAY = date(2017, 8, 17)
"""The first day of which the archive has candles."""

RESERVE = 2 * 10**9
"""Bytes that stay free: for a month that is being put together, the warehouse, the export."""


class NoRoom(Exception):
    """What is to come would not fit on the disk."""


@dataclass(frozen=True)
class Brought:
    """What a month of the archive came to.

    Attributes:
        files: Its files that are landed.
        bytes: Their size.
        refused: Files that could not be had.
        missing_days: Days that no file brings, of all pairs together; not those before the first file of a pair. The
            API may have them.
    """

    files: int = 0
    bytes: int = 0
    refused: int = 0
    missing_days: int = 0


def bring(
    store: Store,
    archive: ArchiveClient,
    symbols: Sequence[str],
    first: date,
    last: date,
    onlooker: Onlooker,
    *,
    again: bool = False,
) -> Outcome:
    """Land what the archive has of some pairs and days.

    Args:
        store: Where to.
        archive: Where from.
        symbols: Of the pairs.
        first: The first day.
        last: The last day.
        onlooker: Is told how far it is.
        again: Whether to look also for files that were landed earlier, reach into these days, and were replaced in the
            archive, although others bring their days by now.

    Raises:
        NoRoom: The disk does not hold it. Nothing was downloaded.
        ExchangeError: The archive cannot be reached, or does not want to. What came by then stays.
    """
    store.path.mkdir(parents=True, exist_ok=True)

    def look_for_room(amount: Amount) -> None:
        free = free_bytes(store.path)
        onlooker.to_come(amount, free)
        if amount.files and free < 2 * amount.bytes + RESERVE:
            raise NoRoom(
                f"{amount.files:,} files of {amount.bytes / 1e9:.1f} GB are to come, the lake takes about as much "
                f"again, and {RESERVE / 1e9:.0f} GB should stay free; {free / 1e9:.1f} GB are free on the disk of "
                f"{store.path}. Make room, or choose fewer pairs or days. Nothing was downloaded."
            )

    lock = FileLock(store.path / "archive.lock")
    try:
        lock.acquire(blocking=False)
    except Timeout:
        onlooker.waits("another download from the archive")
        lock.acquire()
    try:
        with onlooker.downloading() as on_progress:
            outcome = download(
                store.landing, archive, symbols, first, last, on_listed=look_for_room, on_progress=on_progress
            )
        replaced = recheck(store.landing, archive, first) if again else None
    finally:
        lock.release()
    return _together(outcome, replaced) if replaced else outcome


def per_month(outcome: Outcome) -> dict[str, Brought]:
    """What each month came to, such as ``2020-01``."""
    found: defaultdict[str, Brought] = defaultdict(Brought)

    def add(month: str, **more: int) -> None:
        found[month] = Brought(**{name: value + more.get(name, 0) for name, value in asdict(found[month]).items()})

    for it in outcome.landed:
        add(f"{it.file.first:%Y-%m}", files=1, bytes=it.file.size)
    for refused in outcome.refused:
        add(f"{refused.file.first:%Y-%m}", refused=1)
    for span in missing(outcome):
        day = span.first
        while day <= span.last:
            end = min(span.last, last_day("monthly", day.replace(day=1)))
            add(f"{day:%Y-%m}", missing_days=(end - day).days + 1)
            day = end + DAY
    return dict(found)


def missing(outcome: Outcome) -> list[Span]:
    """The days that no file brings, without those before the first file of a pair: it was listed later."""
    begins = begins_later(outcome)
    return [span for span in outcome.missing if begins.get(span.symbol, date.min) <= span.first]


def begins_later(outcome: Outcome) -> dict[str, date]:
    """The pairs whose first file is of a later day than the first that was asked for, with that day."""
    firsts: dict[str, date] = {}
    for file in (*(it.file for it in outcome.landed), *(it.file for it in outcome.refused)):
        firsts[file.symbol] = min(file.first, firsts.get(file.symbol, date.max))
    return {
        span.symbol: firsts[span.symbol]
        for span in outcome.missing
        if span.symbol in firsts and span.first < firsts[span.symbol]
    }


def days_that_are_over(first: date, last: date, now: datetime) -> tuple[date, date] | None:
    """From one day to another, as far as they are over; None if none is. Naive UTC."""
    last = min(last, now.date() - DAY)
    return (first, last) if first <= last else None


def _together(outcome: Outcome, replaced: Outcome) -> Outcome:
    """Of a download, and a look for what was replaced."""
    landed = {it.file.name: it for it in (*outcome.landed, *replaced.landed)}
    refused = {it.file.name: it for it in (*outcome.refused, *replaced.refused)}
    came = replaced.progress.downloaded
    progress = outcome.progress._replace(
        downloaded=Amount(*map(sum, zip(outcome.progress.downloaded, came, strict=True)))
    )
    return Outcome(tuple(landed.values()), tuple(refused.values()), outcome.missing, progress)
