"""The request limits of the exchange: weight per minute, 429 beyond it, 418 for those who go on."""

from __future__ import annotations

from dataclasses import dataclass

MINUTE_MS = 60_000

_PATIENCE = 10
"""Requests that are answered with 429 in one minute before they lead to a ban."""

_SHORTEST_BAN_MS, _LONGEST_BAN_MS = 2 * MINUTE_MS, 3 * 24 * 60 * MINUTE_MS
"""From the exchange docs, rest-api limits."""


@dataclass(frozen=True)
class Verdict:
    """Whether a request is let in.

    Attributes:
        status: 200, 429 or 418.
        used_weight: Weight used in this minute, with this request.
        until_ms: When requests are let in again.
    """

    status: int
    used_weight: int
    until_ms: int = 0


class WeightMeter:
    """Counts the request weight of all clients together; on loopback they all have one address.

    Args:
        limit: Weight per minute of the clock.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._minute = 0
        self._used = 0
        self._ignored = 0
        self._ban_ms = _SHORTEST_BAN_MS
        self._banned_until_ms = 0

    def spend(self, weight: int, now_ms: int) -> Verdict:
        """Counts a request, and says whether it may be answered."""
        minute = now_ms // MINUTE_MS
        if minute != self._minute:
            self._minute, self._used, self._ignored = minute, 0, 0
        if now_ms < self._banned_until_ms:
            return Verdict(418, self._used, self._banned_until_ms)
        self._used += weight
        if self._used <= self.limit:
            return Verdict(200, self._used)
        self._ignored += 1
        if self._ignored <= _PATIENCE:
            return Verdict(429, self._used, (minute + 1) * MINUTE_MS)
        self._banned_until_ms = now_ms + self._ban_ms
        self._ban_ms = min(2 * self._ban_ms, _LONGEST_BAN_MS)
        return Verdict(418, self._used, self._banned_until_ms)
