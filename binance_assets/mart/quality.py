"""Measures how good the data of each day is, and shows it."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from binance_assets.lake import REACH
from binance_assets.warehouse import Connection

SHOWN_DAYS = 30
"""How many days the chart has, and the check of what was compared looks at."""

_ACROSS, _BAR, _HIGH, _PANEL = 18, 14, 90, 150
"""Pixels: from bar to bar, width of a bar, height of the highest, height of a panel."""


def measure_quality(connection: Connection) -> int:
    """Measure every pair and day that is over and whose minutes, candles or gaps have changed.

    Works day by day where it was sampled, else by months, and reads no other days than these and the one before each.

    Returns:
        The number of pairs and days that were measured.
    """
    connection.run("mart/quality_due.sql")
    connection.run("archive/covered.sql")
    measured = 0
    for since, until in connection.rows("mart/quality_spans.sql"):
        with connection.transaction():
            connection.run("mart/quality_pairs.sql", since=since, until=until, reach=REACH)
            connection.run("mart/compared_minute.sql", since=since, until=until, reach=REACH)
            connection.run("mart/compared_roll_up.sql", since=since, until=until)
            connection.run("mart/fact_quality_day.sql", since=since, until=until)
        measured += connection.count("quality_pair")
    return measured


def outside_minutes(connection: Connection, day: date) -> list[dict[str, Any]]:
    """The minutes of a measured day whose sampled average is not where the trades were, worst first.

    Returns:
        For each: symbol, minute, source, the average, the lowest and highest that it can be, the volume-weighted price.
    """
    connection.run("mart/quality_outside.sql", day=day)
    connection.run("mart/compared_minute.sql", since=day, until=day + timedelta(days=1), reach=REACH)
    return connection.records("mart/checks/reconciled.sql")


def differing_candles(connection: Connection, most: int) -> tuple[int, list[dict[str, Any]]]:
    """The exchange's own candles of hours and days that its minutes do not roll up to.

    Of the newest :data:`SHOWN_DAYS` days that were compared, and of the day that is running.

    Returns:
        How many there are; and of the newest, so many at most, each: symbol, whether it is of an hour or a day, when it
        begins, the candle of the exchange, and what the minutes roll up to (``none`` where there is none).
    """
    connection.run("mart/quality_differing.sql", days=SHOWN_DAYS)
    [(since, until)] = connection.rows("select min(date_utc), max(date_utc) + 1 from quality_pair")
    if since is None:
        return 0, []
    connection.run("archive/covered.sql")
    connection.run("mart/compared_roll_up.sql", since=since, until=until)
    count = connection.value("select count(*) from compared_roll_up where is_differing")
    return count, connection.records("mart/checks/rolled_up.sql", most=most)


def newest_days(connection: Connection) -> list[dict[str, Any]]:
    """The newest days over all pairs, oldest first."""
    return connection.records("mart/quality_newest.sql", days=SHOWN_DAYS)


def chart(days: Sequence[Mapping[str, Any]]) -> str:
    """A picture of :func:`newest_days`, which are not none, as Markdown that the Dagster UI shows.

    Written by hand: Dagster keeps it with every materialization. The report's library draws the same in seven times the
    bytes (38 KB), and in 0.65 s of the processor, most of that to load it.
    """
    panels = (
        _panel(days, "completeness", "Minutes that are there, of those expected", 0, 1.0, "{:.2%}", "#4f46e5"),
        _panel(
            days,
            "worst_deviation_bp",
            "Worst deviation of a sampled minute from its volume-weighted price",
            _PANEL,
            max(day["worst_deviation_bp"] or 0 for day in days) or 1.0,
            "{:.1f} bp",
            "#d97706",
        ),
    )
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{SHOWN_DAYS * _ACROSS + 20}" height="{2 * _PANEL}" '
        f'style="background: white" font-family="sans-serif" font-size="11">{"".join(panels)}</svg>'
    )
    return f"![Quality by day](data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()})"


def _panel(
    days: Sequence[Mapping[str, Any]], column: str, title: str, top: int, full: float, written: str, colour: str
) -> str:
    """Bars of a column, one for each day."""
    first, last = days[0]["date_utc"], days[-1]["date_utc"]
    floor = top + 30 + _HIGH
    bars = [
        f'<rect x="{10 + (day["date_utc"] - first).days * _ACROSS}" y="{floor - height:.1f}" '
        f'width="{_BAR}" height="{height:.1f}" fill="{colour}"/>'
        for day in days
        if day[column] is not None
        for height in [_HIGH * day[column] / full]
    ]
    return (
        f'<text x="10" y="{top + 16}">{title}; a full bar is {written.format(full)}</text>{"".join(bars)}'
        f'<text x="10" y="{floor + 16}" fill="#888">{first} to {last}</text>'
    )
