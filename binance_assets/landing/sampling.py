"""Samples the whole market on a grid that is aligned to the minute."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from binance_assets.clients import BinanceClient, ExchangeError, Response
from binance_assets.landing import Capture, Landing
from binance_assets.settings import Source

MINUTE = timedelta(minutes=1)

LONGEST = timedelta(seconds=80)
"""A run samples on to the end of a minute that it saw from its first grid point on, if that is no farther away."""


@dataclass
class Sampled:
    """What came of sampling: how many captures were landed, and the errors of the grid points that were missed."""

    landed: int = 0
    missed: list[ExchangeError] = field(default_factory=list)


def capture_of(
    response: Response,
    source: str,
    sampling_interval_seconds: int | None = None,
    *,
    due_at: datetime | None = None,
    clock_offset_seconds: float | None = None,
) -> Capture:
    """A client's response as it is landed."""
    return Capture(
        endpoint=response.endpoint,
        source=source,
        received_at=response.received_at,
        body=response.body,
        base_url=response.base_url,
        requested_at=response.requested_at,
        exchange_at=response.exchange_at,
        used_weight=response.used_weight,
        sampling_interval_seconds=sampling_interval_seconds,
        due_at=due_at,
        clock_offset_seconds=clock_offset_seconds,
    )


def grid(start: datetime, interval_seconds: int) -> list[datetime]:
    """The instants of one run: at once, then each multiple of the interval, until a full minute is over.

    The last instant lies at or after the end of a minute, so that this minute is over when it is landed. It is the
    end of the first minute of which no grid point was missed, if that comes within :data:`LONGEST`; else the run
    takes a minute and one interval, and the minutes in it have the coverage they have.
    """
    interval = timedelta(seconds=interval_seconds)
    minute = start.replace(second=0, microsecond=0)
    first_whole = minute if start - minute < interval else minute + MINUTE
    end = first_whole + MINUTE
    if end - start > LONGEST:
        end = start + MINUTE + interval
    first = minute + ((start - minute) // interval + 1) * interval
    count = max(0, (end - first) // interval + 1)
    return [start, *(first + number * interval for number in range(count))]


def sample(
    client: BinanceClient,
    landing: Landing,
    source: Source,
    interval_seconds: int,
    on_sample: Callable[[int, int], None] = lambda done, total: None,
) -> Sampled:
    """Sample the market for one full minute; each response is on disk before the next is asked for.

    A grid point at which the exchange gives no usable answer is missed, not made up; the minute's coverage shows it.

    Raises:
        ExchangeError: The first grid point already brought no answer, or the exchange forbids asking on.
    """
    sampled = Sampled()
    instants = grid(datetime.now(UTC).replace(tzinfo=None), interval_seconds)
    for done, _ in enumerate(_waiting(instants, timedelta(seconds=interval_seconds)), start=1):
        try:
            response = client.prices()
        except ExchangeError as error:
            if not (sampled.landed and error.retryable):
                raise
            sampled.missed.append(error)
        else:
            landing.land(capture_of(response, source, interval_seconds))
            sampled.landed += 1
        on_sample(done, len(instants))
    return sampled


def _waiting(instants: list[datetime], interval: timedelta) -> Iterator[datetime]:
    """Each instant when it has come, by the monotonic clock.

    Those that went by by more than an interval, because the sample before took its time, are skipped.
    """
    start, started = instants[0], time.monotonic()
    for instant in instants:
        ahead = (instant - start).total_seconds() - (time.monotonic() - started)
        if ahead < -interval.total_seconds():
            continue
        time.sleep(max(0.0, ahead))
        yield instant
