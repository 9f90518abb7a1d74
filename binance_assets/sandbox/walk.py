"""Random numbers that are looked up instead of drawn, and the random walks made of them.

Every number follows from a key and a position (a splitmix64 hash), so that any moment of a walk can be computed at
once, in any process, without the moments before it.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Words = NDArray[np.uint64]

_BLOCK = 2**22
"""Seconds between two posts of a walk, 48.5 days. At the posts it starts anew around its level."""

_FINE_BLOCK = 2**12
"""Seconds between the points from which a dense stretch of a walk is filled in."""

_SECONDS_PER_DAY = 86_400
_POST_SPREAD = 5.0
"""Standard deviation of the posts, in daily volatilities."""


def key_of(*parts: object) -> int:
    """A 64-bit key for whatever is named, the same in every process."""
    text = "/".join(map(str, parts))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


def keys_of(*parts: object, names: Sequence[str]) -> Words:
    """The keys of many names."""
    return np.array([key_of(*parts, name) for name in names], dtype=np.uint64)


def random_bits(keys: Words | int, positions: Ints) -> Words:
    """The random word at each position of the sequence of each key (arrays of one shape, or a single key)."""
    mixed = positions.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.asarray(keys, dtype=np.uint64)
    mixed ^= mixed >> np.uint64(30)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    mixed ^= mixed >> np.uint64(27)
    mixed *= np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    return mixed


def uniform(keys: Words | int, positions: Ints) -> Floats:
    """Random numbers from 0 to just below 1."""
    return (random_bits(keys, positions) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def normal(keys: Words | int, positions: Ints) -> Floats:
    """Random numbers around 0 with standard deviation 1: the number of set bits in 64 is as good as normal."""
    return (np.bitwise_count(random_bits(keys, positions)) - 32.0) / 4.0


@dataclass(frozen=True)
class Walks:
    """Random walks on a grid of seconds since 1970, each around 0.

    A walk has a random value at every post, and is a Brownian bridge between two: the middle of a stretch is the
    mean of its ends plus a random displacement, then the middle of each half, down to the second. So it keeps
    near its level for ever, and a second costs 22 steps wherever it lies. Every second is the middle of exactly one
    stretch, so its own random number is all that it needs.

    Attributes:
        keys: One per walk.
        volatility: Standard deviation of one day's change, one per walk; a walk without any stays at 0.
    """

    keys: Words
    volatility: Floats

    def at(self, walks: Ints, seconds: Ints) -> Floats:
        """The values of some walks, each at its own second (arrays of one shape)."""
        keys, volatility = self.keys[walks], self.volatility[walks]
        start = seconds // _BLOCK * _BLOCK
        low = _post(volatility, keys, start)
        high = _post(volatility, keys, start + _BLOCK)
        half = _BLOCK // 2
        while half:
            middle = start + half
            value = (low + high) / 2 + volatility * _displacement(half) * normal(keys, middle)
            in_second_half = seconds >= middle
            start = np.where(in_second_half, middle, start)
            low = np.where(in_second_half, value, low)
            high = np.where(in_second_half, high, value)
            half //= 2
        return low

    def stretch(self, walk: int, start: int, stop: int) -> Floats:
        """The values of one walk at every second from ``start`` to before ``stop``: the same as ``at``, but faster."""
        first, last = start // _FINE_BLOCK * _FINE_BLOCK, -(-stop // _FINE_BLOCK) * _FINE_BLOCK
        seconds = np.arange(first, last + 1)
        key, volatility = int(self.keys[walk]), float(self.volatility[walk])
        values = np.empty(len(seconds))
        points = seconds[::_FINE_BLOCK]
        values[::_FINE_BLOCK] = self.at(np.full(len(points), walk), points)
        half = _FINE_BLOCK // 2
        while half:
            middle = slice(half, None, 2 * half)
            ends = values[:: 2 * half]
            displaced = volatility * _displacement(half) * normal(key, seconds[middle])
            values[middle] = (ends[:-1] + ends[1:]) / 2 + displaced
            half //= 2
        return values[start - first : stop - first]


def _post(volatility: Floats, keys: Words, seconds: Ints) -> Floats:
    return _POST_SPREAD * volatility * normal(keys, seconds)


def _displacement(half: int) -> float:
    """Standard deviation of the middle of a bridge over two halves of so many seconds, in daily volatilities."""
    return math.sqrt(half / 2 / _SECONDS_PER_DAY)
