"""A line small enough for the Dagster UI to show it in place, and for its event log to keep."""

from __future__ import annotations

import base64
from collections.abc import Sequence

_WIDE, _HIGH = 240, 32
"""Pixels; the stroke needs two more around."""


def sparkline(values: Sequence[float | None], title: str) -> str:
    """Values at equal distances as Markdown with a picture in it: of 24 values 600 characters.

    Args:
        values: From the lowest, at the bottom, to the highest. None is a break in the line.
        title: What stands for the picture where it is not shown; text without brackets.
    """
    there = [value for value in values if value is not None]
    low, span = min(there, default=0.0), max(there, default=0.0) - min(there, default=0.0)
    step = _WIDE / max(len(values) - 1, 1)
    path, is_drawing = "", False
    for place, value in enumerate(values):
        if value is not None:
            across, high = step * place, (value - low) / span if span else 0.5
            # A point by itself is a line of no length, which round ends make a dot.
            begin, end = ("L", "") if is_drawing else ("M", "h0")
            path += f"{begin}{across:.0f} {_HIGH * (1 - high):.0f}{end}"
        is_drawing = value is not None
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDE + 4}" height="{_HIGH + 4}" viewBox="-2 -2 {_WIDE + 4} '
        f'{_HIGH + 4}"><path d="{path}" fill="none" stroke="#3b82c4" stroke-width="2" stroke-linecap="round"/></svg>'
    )
    return f"![{title}](data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()})"
