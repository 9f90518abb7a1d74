"""Whether a CSV is written as the archive writes candles, to the character, told in a few passes over its bytes.

Then DuckDB can read the numbers without looking at how they are written: twelve fields in each line, digits only, eight
decimals. A cast alone would round a ninth decimal, and take ``1_000``, in silence.
"""

from __future__ import annotations

import numpy as np

_DIGITS = b"0123456789"
_LINE = b",.,.,.,.,.,,.,,.,.,\n"
"""A line without its digits: time, four prices, volume, close time, quote volume, trades, two volumes, and a zero."""

_POINT, _ZERO = ord("."), ord("0")
_BEHIND = 9
"""A separator stands so many characters behind a point that has eight decimals."""

_PIECE = 2**18
"""Bytes that are looked at together: what stays in the processor's cache."""


def plain_lines(text: bytes) -> int | None:
    """The number of lines of a CSV that is written plainly; None for any other."""
    shape = text.translate(None, _DIGITS)
    lines = len(shape) // len(_LINE)
    if not shape or shape != _LINE * lines or not _has_eight_decimals(text):
        return None
    return lines


def _has_eight_decimals(text: bytes) -> bool:
    """Whether behind each point a separator comes after eight characters; a point near the end has none there."""
    characters = np.frombuffer(text + b"0" * _BEHIND, dtype=np.uint8)
    for start in range(0, len(text), _PIECE):
        piece = characters[start : start + _PIECE + _BEHIND]
        if ((piece[:-_BEHIND] == _POINT) > (piece[_BEHIND:] < _ZERO)).any():
            return False
    return True
