"""How figures are written for people: in full, with units, without exponents."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal

SPACE = "\u00a0"
"""Between a figure and its unit, which are not to be parted at the end of a line."""


def exact(text: str, unit: str = "") -> str:
    """An exact price from its digits, such as ``71,114.85 USDT``, without zeros at its end."""
    return _with_unit(f"{Decimal(text).normalize():,f}", unit)


def rounded(number: float, digits: int = 3) -> str:
    """A number in so many significant digits, such as ``24.4`` or ``8,330,000``."""
    return f"{Decimal(f'{number:.{digits - 1}e}'):,f}"


def share(part: float) -> str:
    """A share of one as a percentage: never 100 % or 0 % for almost all and almost nothing."""
    percent = 100 * part
    text = f"{percent:.1f}"
    if text == "100.0" and part < 1:
        return f"more than 99.9{SPACE}%"
    if text == "0.0" and part > 0:
        return f"less than 0.1{SPACE}%"
    return f"{text.removesuffix('.0')}{SPACE}%"


def change(part: float) -> str:
    """A change as a percentage with its sign, such as ``+2.52 %``."""
    return f"{_signed(100 * part, 2)}{SPACE}%"


def points(basis_points: float | None) -> str:
    """A deviation in basis points with its sign, empty where there is none."""
    return "" if basis_points is None else _signed(basis_points, 1)


def lasting(seconds: float) -> str:
    """A length of time, such as ``1 h 15 min``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [f"{hours:,}{SPACE}h"] * bool(hours) + [f"{minutes}{SPACE}min"] * bool(minutes)
    return " ".join(parts) if parts else f"{rest}{SPACE}s"


def count(number: int, one: str, many: str | None = None) -> str:
    """A count with its noun, such as ``1 pair`` or ``1,418 pairs``."""
    return f"{number:,}{SPACE}{one if number == 1 else many or f'{one}s'}"


def day(of: date) -> str:
    """A day, such as ``2 June 2025``."""
    return f"{of.day} {of:%B %Y}"


def instant(at: datetime) -> str:
    """An instant to the second."""
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def hour(start: datetime) -> str:
    """An hour from its start to its end, such as ``20:00 to 21:00 UTC``."""
    return span(start, start + timedelta(hours=1))


def span(start: datetime, end: datetime) -> str:
    """From one time of a day to another, the last of which may be its end."""
    return f"{start:%H:%M} to {'24:00' if end.time() == datetime.min.time() else f'{end:%H:%M}'} UTC"


def listed(names: Sequence[str]) -> str:
    """Names as a sentence lists them: ``A, B and C``."""
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def _signed(number: float, places: int) -> str:
    text = f"{number:+,.{places}f}"
    return text[1:] if not float(text.replace(",", "")) else text.replace("-", "\u2212")


def _with_unit(text: str, unit: str) -> str:
    return f"{text}{SPACE}{unit}" if unit else text
