"""The candle intervals of the exchange, as numbers: every candle has one, counted from 1970."""

from __future__ import annotations

import numpy as np

from binance_assets.sandbox.walk import Ints

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_MONDAY = 4 * _DAY
"""1970-01-05; weeks begin on Mondays."""

_LENGTHS = {"1s": 1}
_LENGTHS |= {f"{count}m": count * _MINUTE for count in (1, 3, 5, 15, 30)}
_LENGTHS |= {f"{count}h": count * _HOUR for count in (1, 2, 4, 6, 8, 12)}
_LENGTHS |= {"1d": _DAY, "3d": 3 * _DAY, "1w": 7 * _DAY}

INTERVALS = (*_LENGTHS, "1M")
"""All of them; the case matters."""


def candle_at(interval: str, second: int) -> int:
    """The number of the candle in which a second lies."""
    if interval == "1M":
        return int(np.datetime64(second, "s").astype("M8[M]").astype(int))
    return (second - _origin(interval)) // _LENGTHS[interval]


def openings(interval: str, first: int, last: int) -> Ints:
    """The seconds at which the candles from one number to another open, and at which the last one closes."""
    numbers = np.arange(first, last + 2)
    if interval == "1M":
        return numbers.astype("M8[M]").astype("M8[s]").astype(np.int64)
    return numbers * _LENGTHS[interval] + _origin(interval)


def _origin(interval: str) -> int:
    return _MONDAY if interval == "1w" else 0
