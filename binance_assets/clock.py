"""The one place where clocks are read and time is waited for, so that tests can let months pass in seconds."""

from __future__ import annotations

import time
from datetime import UTC, datetime


class Clock:
    """The host's clocks. Tests give a subclass of it to whatever reads a clock or waits."""

    def now(self) -> datetime:
        """The wall clock, naive UTC. Somebody may set it: no duration is to be measured by it."""
        return datetime.now(UTC).replace(tzinfo=None)

    def monotonic(self) -> float:
        """Seconds since some moment in the past; the clock for durations, which nobody sets."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Waits so many seconds by the monotonic clock."""
        time.sleep(seconds)
