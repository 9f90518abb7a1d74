"""Pictures of findings as static SVG: each with a title and a text that says what it shows, in light and in dark."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from io import StringIO
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, PercentFormatter

from binance_assets.report.words import SPACE, change, exact, rounded

_BLUE, _ORANGE, _GREY = "#3b82c4", "#d9730d", "#8b949e"
"""Told apart by all kinds of eyes, and at least 3:1 against white and against the dark background."""

_PERCENT = PercentFormatter(1, symbol=f"{SPACE}%")

_WIDTH, _ROW = 7.4, 0.3
"""Inches: of a picture, and of a row in it."""

_STYLE = """
#background path { fill: #ffffff !important }
text { fill: #1f2328 !important; font-family: system-ui, 'DejaVu Sans', sans-serif !important }
@media (prefers-color-scheme: dark) {
  #background path { fill: #15191f !important }
  text { fill: #e6edf3 !important }
}
"""

_SETTINGS: Any = {  # its keys are a type of their own
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "binance_assets",  # the same figures make the same file
    "text.parse_math": False,  # a $ in a name is a $
    "font.size": 10.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.edgecolor": _GREY,
    "axes.axisbelow": True,
    "axes.grid.axis": "x",
    "axes.grid": True,
    "grid.color": _GREY,
    "grid.alpha": 0.3,
    "xtick.color": _GREY,
    "ytick.left": False,
    "legend.frameon": False,
}


@dataclass(frozen=True)
class Plot:
    """A picture.

    Attributes:
        name: Of its file, without the ending.
        title: What it is.
        alt: What can be seen on it, for those who cannot.
        svg: The picture; it brings its colours for light and dark.
    """

    name: str
    title: str
    alt: str
    svg: str


def highest(rows: Sequence[dict[str, Any]], quote: str) -> Plot:
    """The highest-priced pairs of a quote currency, as points on a logarithmic scale."""

    def draw(axes: Axes) -> None:
        prices = [row["price"] for row in rows]
        axes.scatter(prices, range(len(rows)), color=_BLUE, s=45, zorder=3)
        axes.set_xscale("log")
        axes.set_xlim(min(prices) / 1.6, max(prices) * 4)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: rounded(x, 1)))
        axes.minorticks_off()
        axes.set_yticks(range(len(rows)), [row["base_code"] for row in rows])
        axes.invert_yaxis()
        for place, row in enumerate(rows):
            axes.annotate(
                exact(row["price_text"]), (row["price"], place), (8, 0), textcoords="offset points", va="center"
            )
        axes.set_xlabel(f"{quote} for one unit, logarithmic scale")

    title = f"The highest unit prices in {quote}"
    prices = ", ".join(f"{row['base_code']} {exact(row['price_text'])}" for row in rows)
    return _plot("highest", title, f"Points on a logarithmic scale, in {quote}: {prices}.", draw, len(rows))


def bands(rows: Sequence[dict[str, Any]], quote: str) -> Plot:
    """How many pairs there are in each decade of the price."""
    names = [band(row["power"]) for row in rows]

    def draw(axes: Axes) -> None:
        ours = [row["pairs_in_quote"] for row in rows]
        others = [row["pairs"] - row["pairs_in_quote"] for row in rows]
        axes.barh(names, ours, color=_BLUE, label=f"in {quote}")
        axes.barh(names, others, left=ours, color=_ORANGE, label="in another quote currency", hatch="///", alpha=0.75)
        for place, row in enumerate(rows):
            axes.annotate(
                f"{row['pairs']:,}", (row["pairs"], place), (5, 0), textcoords="offset points", va="center", fontsize=9
            )
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        below = sum(row["power"] < 0 for row in rows)
        if 0 < below < len(rows):
            axes.axhline(below - 0.5, color=_GREY, linestyle="--", linewidth=1.2)
        axes.set_xlabel("pairs; the dashed line is at one unit of the quote currency")
        axes.legend(loc="best")

    told = ", ".join(f"{name}: {row['pairs']:,}" for name, row in zip(names, rows, strict=True))
    return _plot("bands", "Pairs by price, in powers of ten", f"Bars, pairs by price: {told}.", draw, len(rows))


def band(power: int) -> str:
    """The decade from a power of ten to the next."""
    return f"{exact(f'1e{power}')} to {exact(f'1e{power + 1}')}"


def pegs(rows: Sequence[dict[str, Any]]) -> Plot:
    """How far each follower was off, and how far it may be."""
    names = [f"{row['code']} / {row['follows_code']}" for row in rows]

    def draw(axes: Axes) -> None:
        limits = [row["threshold_bp"] for row in rows]
        axes.barh(range(len(rows)), [2 * it for it in limits], left=[-it for it in limits], color=_GREY, alpha=0.25)
        for place, row in enumerate(rows):
            color, marker = (_ORANGE, "D") if row["is_beyond"] else (_BLUE, "o")
            axes.plot([0, row["deviation_bp"]], [place, place], color=color, linewidth=2)
            axes.plot(row["deviation_bp"], place, marker, color=color, markersize=7)
        axes.axvline(0, color=_GREY, linewidth=1.2)
        axes.set_yticks(range(len(rows)), names)
        axes.invert_yaxis()
        axes.set_xlabel("basis points above or below; grey is what the list allows, a diamond is beyond it")

    told = ", ".join(f"{name} {row['deviation_bp']:+.1f}" for name, row in zip(names, rows, strict=True))
    title = "How far from what it should cost"
    return _plot("pegs", title, f"Deviations in basis points: {told}.", draw, len(rows))


def sectors(rows: Sequence[dict[str, Any]]) -> Plot:
    """The changes of the sectors."""

    def draw(axes: Axes) -> None:
        changes = [row["change"] for row in rows]
        bars = axes.barh(
            [row["sector"] for row in rows], changes, color=[_BLUE if it >= 0 else _ORANGE for it in changes]
        )
        axes.bar_label(bars, [change(it) for it in changes], padding=4)
        axes.axvline(0, color=_GREY, linewidth=1.2)
        axes.margins(x=0.16)
        axes.invert_yaxis()
        axes.xaxis.set_major_formatter(_PERCENT)
        axes.set_xlabel("change in USDT")

    told = ", ".join(f"{row['sector']} {change(row['change'])}" for row in rows)
    return _plot("sectors", "How the sectors moved", f"Bars, change of each sector: {told}.", draw, len(rows))


def coverage(rows: Sequence[dict[str, Any]]) -> Plot:
    """How much of each hour is there; an hour of which nothing is known has a cross."""

    def draw(axes: Axes) -> None:
        for row in rows:
            hour: datetime = row["hour_utc"]
            if row["coverage"] is None:
                axes.plot(hour.hour, 0.03, "x", color=_GREY, markersize=6)
            else:
                high = max(row["coverage"], 0.01)  # of nothing a line is to be seen
                axes.bar(hour.hour, high, width=0.8, color=_BLUE if row["coverage"] > 0.995 else _ORANGE)
        axes.grid(visible=True, axis="y")
        axes.grid(visible=False, axis="x")
        axes.set_ylim(0, 1.02)
        axes.set_xlim(-0.7, 23.7)
        axes.set_xticks(range(0, 24, 3), [f"{hour:02}:00" for hour in range(0, 24, 3)])
        axes.yaxis.set_major_formatter(_PERCENT)
        axes.set_xlabel("hour of the day, UTC; orange is not whole, a cross is an hour without data")

    shares = ["no data" if row["coverage"] is None else f"{row['coverage']:.0%}" for row in rows]
    told = ", ".join(f"{row['hour_utc']:%H:%M} {share}" for row, share in zip(rows, shares, strict=True))
    return _plot("coverage", "How much of each hour is there", f"Bars by hour, UTC: {told}.", draw, 6)


def _plot(name: str, title: str, alt: str, draw: Callable[[Axes], None], rows: int) -> Plot:
    with rc_context(_SETTINGS), warnings.catch_warnings():
        # Of a name in another script: the reader's fonts have it, and only its width is a guess here.
        warnings.filterwarnings("ignore", message="Glyph")
        figure = Figure(figsize=(_WIDTH, 0.9 + _ROW * max(rows, 2)), layout="constrained")
        figure.patch.set_gid("background")
        axes = figure.add_subplot()
        axes.patch.set_visible(False)
        draw(axes)
        written = StringIO()
        figure.savefig(written, format="svg", metadata={"Date": None, "Creator": None})
    named = f"<title>{escape(title)}</title><desc>{escape(alt)}</desc><style>{_STYLE}</style>"
    return Plot(name, title, alt, written.getvalue().replace("<defs>", f"{named}<defs>", 1))
