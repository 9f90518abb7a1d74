"""Lands and closes the minutes that the sampler hands over.

Each is done in a thread of its own: a warehouse that a job is using, or a long close, delays averages but neither
landing nor samples; a slow disk delays no sample.
"""

from __future__ import annotations

import errno
import logging
import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeVar

import duckdb

from binance_assets.clock import Clock
from binance_assets.core import models as core
from binance_assets.core.tables import PRICE_HISTORY
from binance_assets.landing import Capture, Landing, MissedSample
from binance_assets.mart import models as mart
from binance_assets.mart.tables import (
    FACT_PARITY_HOUR,
    FACT_PRICE_DAY,
    FACT_PRICE_HOUR,
    FACT_PRICE_LATEST,
    FACT_PRICE_MINUTE,
    FACT_SECTOR_HOUR,
    GAP,
)
from binance_assets.raw.load import Loaded, load
from binance_assets.raw.tables import TICKER_PRICE
from binance_assets.tables import Table
from binance_assets.warehouse import Connection, Warehouse, WarehouseError

log = logging.getLogger(__name__)

MINUTE = timedelta(minutes=1)

RETRY_SECONDS = 5.0
"""Pause before what failed for want of room, or because somebody holds the warehouse, is tried again."""

Told = TypeVar("Told")

REPORTED = (TICKER_PRICE, PRICE_HISTORY, FACT_PRICE_MINUTE)
"""The tables that are told to have been made, each minute."""

REPORTED_HOURLY = (FACT_PRICE_HOUR, FACT_PRICE_DAY, FACT_SECTOR_HOUR, FACT_PARITY_HOUR, FACT_PRICE_LATEST, GAP)
"""Those that are told with the last minute of each hour."""

Samples = Sequence[Capture | MissedSample]


@dataclass(frozen=True)
class Minute:
    """A minute of the collector, closed.

    Attributes:
        minute_utc: Its start.
        expected: Grid points in it.
        samples: How many of them were observed.
        missed: How many of them brought no usable answer.
        prices: Prices loaded; those of minutes that had to wait are counted with the last of them.
        lag_seconds: From its end until its averages could be read.
        used_weight: Request weight that the exchange counted in it.
        clock_offset_seconds: How far the host's clock was ahead of the exchange's time.
        row_counts: Rows now of the tables that are told to have been made with it, by name; of open and sealed days.
    """

    minute_utc: datetime
    expected: int
    samples: int
    missed: int
    prices: int
    lag_seconds: float
    used_weight: int | None
    clock_offset_seconds: float
    row_counts: Mapping[str, int]

    @property
    def coverage(self) -> float:
        """Share of the grid points that were observed."""
        return self.samples / self.expected

    @property
    def tables(self) -> tuple[Table, ...]:
        """The tables that are told to have been made with it."""
        return (*REPORTED, *REPORTED_HOURLY) if self.minute_utc.minute == 59 else REPORTED


def bring_up_to_date(connection: Connection, landing: Landing, carry_limit_seconds: int) -> Loaded:
    """Load what was landed, and make everything that is made minute by minute. Costs the same in any year."""
    loaded = load(connection, landing)
    core.load_prices(connection)
    mart.close_minutes(connection, carry_limit_seconds)
    mart.roll_up_hours(connection)
    mart.roll_up_days(connection)
    mart.update_gaps(connection)
    mart.load_latest_prices(connection)
    return loaded


class MinuteKeeper:
    """Two threads: one lands minutes, in order, the other closes what is landed.

    What is not landed yet stays in memory until it is: when the disk is full, everything is landed and closed as soon
    as there is room. Landing waits for nothing else: while minutes are being closed, or cannot be, be it for good, the
    next ones are landed all the same.

    Args:
        landing: Where they are landed; by the collector's clock.
        warehouse: Where they are closed.
        clock: The collector's.
        carry_limit_seconds: How old a price may be to be carried into a gap.
        on_minute: Called with every minute that was closed, from the second thread.
        on_trouble: Called with what is wrong when something has to be tried again, from either.
    """

    def __init__(
        self,
        landing: Landing,
        warehouse: Warehouse,
        clock: Clock,
        carry_limit_seconds: int,
        on_minute: Callable[[Minute], None],
        on_trouble: Callable[[str], None],
    ) -> None:
        self._landing = landing
        self._warehouse = warehouse
        self._clock = clock
        self._carry_limit_seconds = carry_limit_seconds
        self._on_minute = on_minute
        self._on_trouble = on_trouble
        self._handed_over: queue.Queue[Samples | None] = queue.Queue()
        self._landed: queue.Queue[Samples | None] = queue.Queue()
        self._failure: BaseException | None = None
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._land_minutes, name="landing", daemon=True),
            threading.Thread(target=self._close_minutes, name="closing", daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def hand_over(self, samples: Samples) -> None:
        """Give a minute's samples to be landed and closed."""
        self._handed_over.put(samples)

    def check(self) -> None:
        """Look whether all is well, as far as it can get better by waiting.

        Raises:
            BaseException: Why minutes are not landed, or not closed, any more.
        """
        if self._failure:
            raise self._failure

    def finish(self) -> None:
        """Land and close what was handed over, and return when that is done.

        Does not wait for room on the disk: then what could not be landed is lost, and said so.

        Raises:
            BaseException: As :meth:`check` does.
        """
        self._stopping.set()
        self._handed_over.put(None)
        for thread in self._threads:
            thread.join()
        self.check()

    def _land_minutes(self) -> None:
        while (samples := self._handed_over.get()) is not None:
            try:
                if self._land(samples):
                    self._landed.put([replace(it, body=b"") if isinstance(it, Capture) else it for it in samples])
            except BaseException as error:  # the sampler raises it; what it hands over until then is landed
                self._failure = self._failure or error
        self._landed.put(None)

    def _close_minutes(self) -> None:
        landed: list[Samples] = []
        is_last = False
        while not is_last:
            samples = self._next(patience=RETRY_SECONDS if landed else None)
            is_last = samples is None
            if samples:
                landed.append(samples)
            try:
                if landed and not self._failure and self._landed.empty() and self._close(landed):
                    landed = []
            except BaseException as error:
                self._failure = self._failure or error

    def _next(self, patience: float | None) -> Samples | None:
        """What is landed next; nothing when that takes too long, None when there will be no more."""
        try:
            return self._landed.get(timeout=patience)
        except queue.Empty:
            return ()

    def _land(self, samples: Samples) -> bool:
        """Whether it could be done, which is tried as long as there is time and it can get better by waiting."""
        while True:
            try:
                self._landing.land_minute(samples)
            except (OSError, duckdb.Error) as error:
                if not can_get_better(error):
                    raise
                self._tell(self._on_trouble, f"{error} It is tried again until it succeeds; nothing is lost meanwhile.")
                if self._stopping.wait(RETRY_SECONDS):
                    log.error("Stopped before a minute could be landed, which is lost: %s", error)
                    return False
            else:
                return True

    def _close(self, landed: Sequence[Samples]) -> bool:
        """Whether these minutes could be closed; not if that can get better by waiting."""
        try:
            with self._warehouse.connect() as connection:
                loaded = bring_up_to_date(connection, self._landing, self._carry_limit_seconds)
                row_counts = {table.name: connection.total(table.newest_in) for table in (*REPORTED, *REPORTED_HOURLY)}
        except (OSError, duckdb.Error, WarehouseError) as error:
            if not can_get_better(error):
                raise
            self._tell(self._on_trouble, f"{error} It is tried again until it succeeds; what is sampled is landed.")
            return False
        for samples in landed:
            minute = self._report(samples, loaded.prices if samples is landed[-1] else 0, row_counts)
            if minute.lag_seconds >= 0:
                self._tell(self._on_minute, minute)
        return True

    @staticmethod
    def _tell(listener: Callable[[Told], None], what: Told) -> None:
        """Whoever listens must not stop the collector, such as a log that lies on the full disk."""
        try:
            listener(what)
        except Exception:
            log.exception("This could not be told: %s", what)

    def _report(self, samples: Samples, prices: int, row_counts: Mapping[str, int]) -> Minute:
        captures = [sample for sample in samples if isinstance(sample, Capture)]
        first = samples[0]
        started = (first.due_at or self._clock.now()).replace(second=0, microsecond=0)
        weights = [capture.used_weight for capture in captures if capture.used_weight is not None]
        return Minute(
            minute_utc=started,
            expected=60 // (first.sampling_interval_seconds or 60),
            samples=len(captures),
            missed=len(samples) - len(captures),
            prices=prices,
            lag_seconds=(self._clock.now() - started - MINUTE).total_seconds(),
            used_weight=max(weights, default=None),
            clock_offset_seconds=next((c.clock_offset_seconds for c in captures if c.clock_offset_seconds), 0.0),
            row_counts=row_counts,
        )


def can_get_better(error: Exception) -> bool:
    """Whether waiting helps: for room on the disk, or until somebody lets go of the warehouse or rebuilds it."""
    if isinstance(error, OSError):
        return error.errno in {errno.ENOSPC, errno.EDQUOT}
    return isinstance(error, WarehouseError) or "No space left on device" in str(error)
