"""Simulated time: hours of it pass in seconds, between requests that are real."""

import threading
from datetime import datetime, timedelta

from binance_assets.clients.binance import EPOCH
from binance_assets.clock import Clock

NOON = datetime.fromisoformat("2026-09-16T12:00:00")


class SimulatedClock(Clock):
    """Time that passes while somebody sleeps, and for ``request_seconds`` in each request to a sandbox that goes by it.

    Any number of threads may read it and sleep by it; the sleep of one is over at once, and makes it later for all.

    Attributes:
        slept: The sleeps there were, in seconds.
    """

    def __init__(self, start: datetime = NOON, *, request_seconds: float = 0.0) -> None:
        self.slept: list[float] = []
        self._start = start
        self._request_seconds = request_seconds
        self._passed = 0.0
        self._jumped = 0.0
        self._changing = threading.Lock()

    def now(self) -> datetime:
        with self._changing:
            return self._start + timedelta(seconds=self._passed + self._jumped)

    def monotonic(self) -> float:
        with self._changing:
            return self._passed

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0, "time.sleep would refuse it"
        with self._changing:
            self.slept.append(seconds)
            self._passed += seconds

    def jump(self, seconds: float) -> None:
        """Somebody sets the host's wall clock: forward, or back. No time passes, and the exchange notices nothing."""
        with self._changing:
            self._jumped += seconds

    def exchange_now(self) -> datetime:
        """The true time, naive UTC."""
        return self._start + timedelta(seconds=self.monotonic())

    def exchange_ms(self) -> int:
        """The true time in ms since 1970, for ``Sandbox.clock``, which is read once for each request and ``fail``."""
        with self._changing:
            self._passed += self._request_seconds
            return (self._start + timedelta(seconds=self._passed) - EPOCH) // timedelta(milliseconds=1)
