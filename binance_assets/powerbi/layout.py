"""The grid that all pages have: twelve columns, and bands for header, slicers, cards and pictures."""

from dataclasses import dataclass

WIDTH, HEIGHT = 1280, 720

_MARGIN, _GUTTER, _COLUMNS = 24, 16, 12
_STEP = (WIDTH - 2 * _MARGIN + _GUTTER) // _COLUMNS


@dataclass(frozen=True)
class Place:
    """Where a visual is on its page, in pixels."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True)
class Band:
    """A stripe of the page from left to right."""

    top: int
    height: int

    def at(self, column: int, span: int) -> Place:
        """The place that begins at a column, counted from 0, and is so many columns wide."""
        return Place(_MARGIN + column * _STEP, self.top, span * _STEP - _GUTTER, self.height)


HEADER = Band(12, 60)
SLICERS = Band(84, 72)
CARDS = Band(168, 84)
UPPER = Band(264, 216)
LOWER = Band(492, 216)
"""From top to bottom, twelve pixels apart."""
