"""The time that the collector keeps: the exchange's, carried on by the monotonic clock.

Three clocks are compared once a minute: the host's wall clock, which somebody may set; the monotonic clock, which
nobody sets but which stands still while the machine sleeps; and the exchange's, which may be wrong for a while. None is
believed against the two others.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from binance_assets.clients import BinanceClient
from binance_assets.clock import Clock

log = logging.getLogger(__name__)

TOLERANCE = timedelta(seconds=1)
"""Clocks that differ by less agree; the answer's way takes some of it."""

BELIEVED_AFTER = 15
"""Minutes after which the exchange is believed though it agrees with nothing here, as long as the host does not agree
with the time that was kept."""

_PROBES = 3
_GENTLY = 0.2


class ExchangeClock(Clock):
    """A clock that tells the exchange's time.

    Args:
        host: The host's clocks.
    """

    def __init__(self, host: Clock | None = None) -> None:
        self._host = host or Clock()
        self._epoch = self._host.now() - timedelta(seconds=self._host.monotonic())
        self._host_ahead = timedelta()
        self._disagreed = 0
        self._is_set = False

    def now(self) -> datetime:
        """The exchange's time, naive UTC."""
        return self._epoch + timedelta(seconds=self._host.monotonic())

    def monotonic(self) -> float:
        """The host's monotonic clock."""
        return self._host.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait so many seconds."""
        self._host.sleep(seconds)

    @property
    def host_ahead(self) -> timedelta:
        """How far the host's wall clock is ahead of this one."""
        return self._host.now() - self.now()

    @property
    def is_in_doubt(self) -> bool:
        """Whether the host's clocks have parted since they were compared: one was set, or this machine has slept."""
        return abs(self.host_ahead - self._host_ahead) > TOLERANCE

    def set(self, client: BinanceClient) -> None:
        """Take over the exchange's time, whatever the host's clock says.

        Raises:
            ExchangeError: It does not answer.
        """
        self._epoch += self._exchange_ahead(client, datetime.max)  # noqa: DTZ901 - naive UTC
        self._host_ahead = self.host_ahead
        self._is_set = True
        if abs(self._host_ahead) > TOLERANCE:
            log.warning(
                "This machine's clock is %+.1f s off the exchange's time, which is used instead.",
                self._host_ahead.total_seconds(),
            )

    def compare(self, client: BinanceClient, until: datetime) -> None:
        """Look at the three clocks, follow the two that agree, and say so if one does not.

        Args:
            client: Of the exchange.
            until: When it is to be asked no more; it is asked once at least.

        Raises:
            ExchangeError: The exchange does not answer; then nothing has changed.
        """
        if not self._is_set:  # it did not answer when this began, and the host's clock had to do
            self.set(client)
            return
        exchange_ahead = self._exchange_ahead(client, until)
        host_jumped = self.host_ahead - self._host_ahead
        self._host_ahead = self.host_ahead
        if abs(exchange_ahead) <= TOLERANCE:
            self._disagreed = 0
            self._epoch += exchange_ahead * _GENTLY
            if abs(host_jumped) > TOLERANCE:
                log.warning(
                    "This machine's clock was set by %+.1f s. Minutes go by the exchange's time and are not affected.",
                    host_jumped.total_seconds(),
                )
            return
        self._disagreed += 1
        slept = abs(host_jumped - exchange_ahead) <= 2 * TOLERANCE
        if slept or (self._disagreed >= BELIEVED_AFTER and abs(self.host_ahead) > TOLERANCE):
            log.warning(
                "The time is put on by %+.1f s, to the exchange's: %s.",
                exchange_ahead.total_seconds(),
                "this machine has slept" if slept else "nothing here agrees with the time that was kept",
            )
            self._epoch += exchange_ahead
            self._host_ahead = self.host_ahead
            self._disagreed = 0
        else:
            log.warning(
                "The exchange's clock is %+.1f s off, while this machine's clocks agree; they are believed.",
                exchange_ahead.total_seconds(),
            )

    def _exchange_ahead(self, client: BinanceClient, until: datetime) -> timedelta:
        """How far the exchange's clock is ahead of this one, by the quickest of a few answers.

        An answer says the time of some moment between its request and its arrival; half-way is taken.
        """
        quickest, ahead = timedelta.max, timedelta()
        for _ in range(_PROBES):
            answer = client.server_time()
            took = answer.received_at - answer.requested_at
            if answer.exchange_at and took < quickest:
                quickest, ahead = took, answer.exchange_at - (answer.requested_at + took / 2)
            if self.now() >= until:
                break
        return ahead
