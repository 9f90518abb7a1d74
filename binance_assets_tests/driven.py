"""A collector that is driven by a test: in simulated time, against a sandbox over HTTP."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

from binance_assets.clock import Clock
from binance_assets.collector import Collector, Minute
from binance_assets.home import Home
from binance_assets.landing import Capture, MissedSample
from binance_assets.settings import load_settings

Sample = Capture | MissedSample

LONGEST_CLOSE_SECONDS = 30


class Enough(Exception):
    """The test has seen what it wanted to see."""


class Driven:
    """A collector, what it tells, and when it is to stop.

    It waits for each minute to be closed before it goes on, as it would if time were real, while ``in_step`` is set.
    """

    def __init__(self, home: Home, host: Clock | None = None, collector: type[Collector] = Collector) -> None:
        self.home = home
        self.samples: list[Sample] = []
        self.minutes: list[Minute] = []
        self.trouble: list[str] = []
        self.before_next: Callable[[Sample], object] = lambda sample: None
        """Called with each sample, before the next one is waited for."""
        self.in_step = True
        self._is_last: Callable[[Sample], bool] = lambda sample: False
        self._closed = threading.Condition()
        self.collector = collector(
            home,
            home.store("sandbox"),
            load_settings(),
            on_minute=self._minute,
            on_sample=self._sample,
            on_trouble=self.trouble.append,
            host=host,
        )

    def collect(self, until: datetime | Callable[[Sample], bool]) -> None:
        """Collect until a grid point, or the first sample of which something is true, was sampled; all is landed."""
        self._is_last = until if callable(until) else lambda sample: (sample.due_at or until) >= until
        with suppress(Enough):
            self.collector.collect(take_over=False)
            raise AssertionError("it ended by itself")

    def _sample(self, sample: Sample) -> None:
        self.samples.append(sample)
        self.before_next(sample)
        assert sample.due_at
        begun = {due_minute(one) for one in self.samples}
        if self.in_step:
            with self._closed:
                assert self._closed.wait_for(lambda: len(self.minutes) >= len(begun) - 1, LONGEST_CLOSE_SECONDS)
        if self._is_last(sample):
            raise Enough

    def _minute(self, minute: Minute) -> None:
        with self._closed:
            self.minutes.append(minute)
            self._closed.notify_all()


def due_minute(sample: Sample) -> datetime:
    """The minute of a sample's grid point."""
    assert sample.due_at
    return sample.due_at.replace(second=0)


def wait_until(condition: Callable[[], object], seconds: float = 60) -> None:
    """Wait until something is true."""
    give_up_at = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < give_up_at, "it does not happen"
        time.sleep(0.01)
