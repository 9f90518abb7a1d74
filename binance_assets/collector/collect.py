"""Sampling on a steady grid, and the hand-over from one collector to the next."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import psutil
from filelock import FileLock, Timeout

from binance_assets.clients import BinanceClient, ExchangeError, WrongExchange
from binance_assets.clock import Clock
from binance_assets.collector.exchange_clock import ExchangeClock
from binance_assets.collector.minutes import MINUTE, Minute, MinuteKeeper, can_get_better
from binance_assets.core import models as core
from binance_assets.exchange import open_client
from binance_assets.home import Home, Store
from binance_assets.landing import Capture, Landing, MissedSample
from binance_assets.landing.sampling import capture_of
from binance_assets.raw.load import load
from binance_assets.settings import Settings
from binance_assets.warehouse import WarehouseError

log = logging.getLogger(__name__)

HAND_OVER_POLL_SECONDS = 0.02
"""How often a waiting collector looks whether the one before it has let go."""


class CollectorRuns(Exception):
    """Another collector samples this store."""


class Collector:
    """Samples one store's exchange until it is stopped, or until another collector wants to take over.

    Only one samples at a time: whoever holds the store's ``sampling.lock``. One that waits for it holds
    ``successor.lock``; when the one that samples sees that, it lets go after the last grid point of the minute, so that
    the next grid point is the other's: none is missed and none is sampled twice.

    Args:
        home: The home.
        store: The store to fill.
        settings: The grid, the addresses and the carry limit.
        on_minute: Called with every minute that was closed, from another thread.
        on_sample: Called with every sample.
        on_trouble: Called with what is wrong when something has to be tried again, from another thread.
        host: The host's clocks.
    """

    def __init__(
        self,
        home: Home,
        store: Store,
        settings: Settings,
        *,
        on_minute: Callable[[Minute], None] = lambda minute: None,
        on_sample: Callable[[Capture | MissedSample], None] = lambda sample: None,
        on_trouble: Callable[[str], None] = log.error,
        host: Clock | None = None,
    ) -> None:
        self._home = home
        self._store = store
        self._settings = settings
        self._on_minute = on_minute
        self._on_sample = on_sample
        self._on_trouble = on_trouble
        self.clock = ExchangeClock(host)
        self._interval = timedelta(seconds=settings.sampling_interval_seconds)

    def collect(self, *, take_over: bool) -> None:
        """Sample until something raises, such as KeyboardInterrupt, or another collector takes over.

        However it ends, what was sampled is landed.

        Args:
            take_over: Whether to wait for a running collector to hand over, instead of refusing.

        Raises:
            CollectorRuns: Another one runs, and is not to be taken over.
            WrongExchange: Simulated prices where real ones are wanted, or the other way round.
        """
        self._store.path.mkdir(parents=True, exist_ok=True)
        with open_client(
            self._settings,
            self._home,
            self._store.source,
            clock=self.clock,
            within=self._interval.total_seconds() / 2,
        ) as client:
            self._set_clock(client)
            self._describe(client)
            with self._landed_in_the_end() as hand:
                with self._place(take_over):
                    self._sample(client, hand)
                # The other one samples already; this minute is closed when it is over.
                self.clock.sleep(max(0.0, (hand.minute + MINUTE - self.clock.now()).total_seconds()))

    def _sample(self, client: BinanceClient, hand: _Hand) -> None:
        """Sample until another collector wants to."""
        for due_at in self._grid():
            if self.clock.is_in_doubt:
                self._compare_clocks(client, due_at)
                if self.clock.now() >= due_at + self._interval:
                    continue
            if hand.samples and due_at.replace(second=0) != hand.minute:
                hand.hand_over()
            sample = self._sample_at(client, due_at)
            hand.samples.append(sample)
            self._on_sample(sample)
            if (due_at + self._interval).minute != due_at.minute:
                if is_wanted(self._store):
                    return
                # A request takes up to half of the interval, and the next grid point is not to be missed for this.
                half = due_at + self._interval / 2
                if self.clock.now() < half:
                    self._compare_clocks(client, half)

    def _grid(self) -> Iterator[datetime]:
        """Each grid point when it has come. Those that went by meanwhile are left out."""
        last = datetime.min  # noqa: DTZ901 - all instants are naive UTC
        while True:
            now = self.clock.now()
            minute = now.replace(second=0, microsecond=0)
            due_at = minute + -(-(now - minute) // self._interval) * self._interval
            if due_at <= last < due_at + self._interval:  # the clock was put back a little
                due_at = last + self._interval
            self.clock.sleep(max(0.0, (due_at - self.clock.now()).total_seconds()))
            yield due_at
            last = due_at

    def _sample_at(self, client: BinanceClient, due_at: datetime) -> Capture | MissedSample:
        seconds = int(self._interval.total_seconds())
        try:
            response = client.prices()
        except WrongExchange:
            raise
        except ExchangeError as error:
            log.warning("The sample of %s is missing: %s", due_at.time(), error.what)
            return MissedSample("ticker/price", self._store.source, due_at, seconds, type(error).__name__, error.what)
        return capture_of(
            response,
            self._store.source,
            seconds,
            due_at=due_at,
            clock_offset_seconds=round(self.clock.host_ahead.total_seconds(), 6),
        )

    def _set_clock(self, client: BinanceClient) -> None:
        try:
            self.clock.set(client)
        except WrongExchange:
            raise
        except ExchangeError as error:
            log.warning("The exchange does not say what time it is (%s); the host's clock has to do.", error.what)

    def _compare_clocks(self, client: BinanceClient, until: datetime) -> None:
        try:
            self.clock.compare(client, until)
        except ExchangeError as error:
            log.warning("The clocks were not compared: %s", error.what)

    def _describe(self, client: BinanceClient) -> None:
        """Get the metadata if there is none yet: without it no price can be given to a pair.

        Sampling begins in any case; then prices wait for it apart.
        """
        try:
            with self._store.warehouse.connect() as connection:
                if connection.count("raw.symbol"):
                    return
            self._landing.land(capture_of(client.exchange_info(), self._store.source))
            with self._store.warehouse.connect() as connection:
                load(connection, self._landing)
                core.load_currencies(connection)
                core.load_pairs(connection)
                core.load_pair_history(connection)
        except WrongExchange:
            raise
        except ExchangeError as error:
            log.warning("There is no metadata yet (%s); prices wait for it apart.", error.what)
        except (OSError, duckdb.Error, WarehouseError) as error:
            if not can_get_better(error):
                raise
            self._on_trouble(f"Whether there is metadata could not be found out: {error} Sampling begins anyway.")

    @property
    def _landing(self) -> Landing:
        return Landing(self._store.landing.path, self.clock)

    @contextmanager
    def _landed_in_the_end(self) -> Iterator[_Hand]:
        keeper = MinuteKeeper(
            self._landing,
            self._store.warehouse,
            self.clock,
            self._settings.carry_limit_seconds,
            self._on_minute,
            self._on_trouble,
        )
        hand = _Hand(keeper)
        try:
            yield hand
        finally:
            try:
                if hand.samples:
                    hand.hand_over()
            finally:
                keeper.finish()

    @contextmanager
    def _place(self, take_over: bool) -> Iterator[None]:
        """The right to sample."""
        sampling = _sampling_lock(self._store)
        try:
            sampling.acquire(timeout=1)
        except Timeout:
            if not take_over:
                raise CollectorRuns(
                    f"A collector already samples {self._store.path} (process {running_process(self._store)}). "
                    "Stop that one first, or leave it to its work."
                ) from None
            with FileLock(_successor(self._store)):
                sampling.acquire(poll_interval=HAND_OVER_POLL_SECONDS)
        try:
            _name_file(self._store).write_text(str(os.getpid()), encoding="utf-8")
            yield
        finally:
            _name_file(self._store).unlink(missing_ok=True)
            sampling.release()


class _Hand:
    """The samples of the minute that runs, until they are handed over."""

    def __init__(self, keeper: MinuteKeeper) -> None:
        self._keeper = keeper
        self.samples: list[Capture | MissedSample] = []

    @property
    def minute(self) -> datetime:
        """The minute that the samples are of."""
        due_at = self.samples[0].due_at
        assert due_at
        return due_at.replace(second=0)

    def hand_over(self) -> None:
        """Give them to the keeper, to be landed and closed."""
        self._keeper.hand_over(self.samples)
        self.samples = []  # in this order: an interrupt in between loses nothing
        self._keeper.check()


def running_process(store: Store) -> int | None:
    """The process that collects for the store now, None if there is none."""
    try:
        process = int(_name_file(store).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    return process if psutil.pid_exists(process) and _is_held(_sampling_lock(store)) else None


def is_wanted(store: Store) -> bool:
    """Whether a collector waits for the place of the one that samples."""
    return _is_held(FileLock(_successor(store)))


def _sampling_lock(store: Store) -> FileLock:
    return FileLock(store.path / "sampling.lock")


def _successor(store: Store) -> Path:
    return store.path / "successor.lock"


def _name_file(store: Store) -> Path:
    return store.path / "collector.pid"


def _is_held(lock: FileLock) -> bool:
    if not Path(lock.lock_file).exists():
        return False
    try:
        with lock.acquire(blocking=False):
            return False
    except Timeout:
        return True
