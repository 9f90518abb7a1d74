"""Whole numbers as the lines of a CSV, all rows of a column at once: three times as fast as formatting row by row."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from binance_assets.sandbox.walk import Ints

_FOUR = 10_000
"""Numbers are written four digits at a time."""

_GROUPS = 4
"""Groups of digits, enough for 16 before the point, or times in microseconds."""

_LEFT_OUT = b"\0"
"""Stands where a shorter number has no digit."""


class Column(NamedTuple):
    """A column of a CSV: whole numbers that are not negative, of which some digits may be behind the point.

    Attributes:
        values: Below 1e16 before the point.
        decimals: 0, or 8.
    """

    values: Ints
    decimals: int


def csv_lines(columns: Sequence[Column]) -> bytes:
    """The lines, each with its end.

    Raises:
        ValueError: A number is too large or negative.
    """
    cells: list[NDArray[np.uint8]] = []
    for number, (values, decimals) in enumerate(columns):
        whole, fraction = np.divmod(values, 10**decimals) if decimals else (values, None)
        cells += _whole(whole)
        if fraction is not None:
            cells += [_text(".", len(values)), _cells(_digits()[0][fraction // _FOUR])]
            cells += [_cells(_digits()[0][fraction % _FOUR])]
        cells.append(_text("\n" if number == len(columns) - 1 else ",", len(values)))
    return np.hstack(cells).tobytes().translate(None, _LEFT_OUT)


def _whole(values: Ints) -> list[NDArray[np.uint8]]:
    """The digits before a point, without leading zeros."""
    if len(values) and not 0 <= values.min() <= values.max() < _FOUR**_GROUPS:
        raise ValueError(f"a number is not from 0 to below {_FOUR**_GROUPS:,}")
    full, leading, last = _digits()
    groups = max(1, -(-len(str(values.max(initial=0))) // 4))
    cells = []
    for group in range(groups - 1, -1, -1):
        above = values // _FOUR**group
        part = above % _FOUR
        begins = above < _FOUR
        cells.append(_cells(np.where(begins, (leading if group else last)[part], full[part])))
    return cells


@cache
def _digits() -> tuple[NDArray[np.uint32], NDArray[np.uint32], NDArray[np.uint32]]:
    """Numbers of four digits: with all zeros, as the first group of a longer number, and as the last group."""
    full = [f"{number:04}" for number in range(_FOUR)]
    leading = [str(number or "").rjust(4, "\0") for number in range(_FOUR)]
    last = [str(number).rjust(4, "\0") for number in range(_FOUR)]
    return tuple(np.frombuffer("".join(texts).encode(), dtype=np.uint32) for texts in (full, leading, last))  # type: ignore[return-value]


def _cells(groups: NDArray[np.uint32]) -> NDArray[np.uint8]:
    return groups.view(np.uint8).reshape(-1, 4)


def _text(character: str, rows: int) -> NDArray[np.uint8]:
    return np.full((rows, 1), ord(character), dtype=np.uint8)
