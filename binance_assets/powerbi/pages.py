"""The pages of the report: what is on them, where, and how each picture is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from binance_assets.powerbi.layout import CARDS, HEADER, LOWER, SLICERS, UPPER, Place
from binance_assets.powerbi.measures import measure_named
from binance_assets.powerbi.visuals import (
    GREATER,
    Field,
    Json,
    Visual,
    column,
    compared,
    constant,
    false,
    highest,
    literal,
    measure,
    not_blank,
    number,
    one_of,
    quoted,
    selection,
    text,
    true,
)

Shown = tuple[Field, str | None]
"""A field, and the name that it is shown by; None for its own."""

Named = Mapping[str, str | None]
"""Measures by their names, each with the one that it is shown by; None for its own."""

_SYMBOL = column("dim_pair.symbol")
_QUOTE = column("dim_pair.quote_code")
_STATUS = column("dim_pair.status")
_DAY = column("dim_date.date_utc")

_AXES: Mapping[str, Json] = {"categoryAxis": {"showAxisTitle": false}, "valueAxis": {"showAxisTitle": false}}

_OF_NOW = {"Age of newest price (min)": "Newest price, age now (min)"}
"""The titles of figures that do not go by the chosen days."""


@dataclass(frozen=True)
class Page:
    """A page; ``filters`` apply to all of it."""

    id: str
    title: str
    visuals: Sequence[Visual]
    filters: Sequence[Json] = ()


def pages() -> tuple[Page, ...]:
    """All pages, in their order."""
    return (_overview(), _minutes(), _quality(), _sectors(), _parity())


def _overview() -> Page:
    highest_prices = "Highest price"
    visuals = [
        *_header("Market overview", "The newest price of every pair, in one quote currency at a time. Times are UTC."),
        _slicer(SLICERS.at(0, 3), "Quote currency", _QUOTE, chosen="USDT", hides_blank=True),
        _slicer(SLICERS.at(3, 3), "Status", _STATUS, hides_blank=True),
        _slicer(SLICERS.at(6, 3), "Sector of the base currency", column("dim_pair.primary_sector")),
        _slicer(SLICERS.at(9, 3), "Kind of base currency", column("dim_pair.base_asset_type"), hides_blank=True),
        *_cards("Pairs", "Trading pairs", "Current prices", "Share below 1", "Highest price", "Newest observation"),
        _bars(
            UPPER.at(0, 6),
            "Highest-priced pairs",
            "Bars of the ten highest current prices in the chosen quote currency, highest first.",
            "The ten highest current prices of what is chosen; the scale is logarithmic. Stale prices are left out.",
            (_SYMBOL, "Pair"),
            {highest_prices: "Price"},
            objects={
                "valueAxis": {"logAxisScale": true, "showAxisTitle": false, "gridlineShow": true},
                "labels": {"show": true},
            },
            filters=[highest(_SYMBOL, measure(highest_prices), 10)],
        ),
        _bars(
            UPPER.at(6, 6),
            "How prices are distributed",
            "Columns with the number of pairs in each decade of price, from the smallest to the largest prices.",
            "Pairs by the decade of their newest price, stale ones as well. An empty decade has no column.",
            (column("fact_price_latest.price_band"), "Price"),
            {"Priced pairs": "Pairs"},
            kind="clusteredColumnChart",
            sort=(column("fact_price_latest.price_band"), False),
        ),
        _bars(
            LOWER.at(0, 6),
            "By sector",
            "Stacked bars with the trading pairs and the other pairs of each sector.",
            "Each pair counts once, in the first sector of its base currency. (Blank): in no sector of the list.",
            (column("dim_pair.primary_sector"), "Sector"),
            {"Trading pairs": "Trading", "Halted or delisted pairs": "Not trading"},
            kind="barChart",
        ),
        _bars(
            LOWER.at(6, 6),
            "By status",
            "Bars with the number of pairs of each trading status.",
            "The exchange's newest word on each pair. Of all but TRADING the price is that of the last trade.",
            (_STATUS, "Status"),
            {"Pairs": None},
        ),
    ]
    return Page("overview", "Market overview", visuals)


def _minutes() -> Page:
    minute = (column("fact_price_minute.minute_utc"), "Minute (UTC)")
    has_minutes = compared(measure("Minutes"), GREATER, literal("0L"))
    visuals = [
        *_header("Minute averages", "One pair, minute by minute, over its newest 48 hours at most. Times are UTC."),
        _slicer(SLICERS.at(0, 6), "Pair (those of the watch list)", _SYMBOL, chosen="BTCUSDT", filters=[has_minutes]),
        _slicer(SLICERS.at(6, 3), "Where from", column("fact_price_minute.source")),
        _slicer(SLICERS.at(9, 3), "Day", _DAY, filters=[has_minutes]),
        *_cards("Average price", "Minute low", "Minute high", "Minute coverage", "Minutes with gap", "Newest minute"),
        _over_time(
            UPPER.at(0, 12),
            "Average price of each minute",
            "A line of the minutes' average prices of the chosen pair; where a minute has no observation it is broken.",
            "In the quote currency. A gap is a break in the line: nothing is filled in.",
            minute,
            "Average price",
            tips=("Minute low", "Minute high", "Minute coverage", "Minutes with gap", "Carried price"),
        ),
        _over_time(
            LOWER.at(0, 7),
            "Coverage of each minute",
            "An area with the share of the due observations that were made in each minute; it falls to zero in a gap.",
            "Of the observations due in a minute, those made: 100 % is all of them, 0 % is a gap.",
            minute,
            "Minute coverage",
            kind="areaChart",
            tips=("Minutes with gap",),
            objects={"valueAxis": {"start": number(0), "end": number(1), "showAxisTitle": false}},
        ),
        _list(
            LOWER.at(7, 5),
            "Minutes without an observation",
            "A table of the minutes that are gaps, with the price that was carried into them and how old it was.",
            "The carried price is the last one before, if it was no older than the carry limit.",
            [
                minute,
                (column("fact_price_minute.filled_price"), "Carried price"),
                (column("fact_price_minute.staleness_seconds"), "Seconds old"),
            ],
            sort=minute[0],
            filters=[one_of(column("fact_price_minute.is_gap"), literal("true"))],
        ),
    ]
    newest = one_of(column("fact_price_minute.is_newest_48_hours"), literal("true"))
    return Page("minutes", "Minute averages", visuals, [newest])


def _quality() -> Page:
    visuals = [
        *_header(
            "Data quality", "Is the data there, why is it not, and does what was sampled agree with what was traded?"
        ),
        _slicer(SLICERS.at(0, 3), "Days (UTC)", _DAY, mode="Between"),
        _slicer(SLICERS.at(3, 3), "Quote currency", _QUOTE, hides_blank=True),
        _slicer(SLICERS.at(6, 3), "Pair", _SYMBOL, hides_blank=True),
        _slicer(SLICERS.at(9, 3), "Status", _STATUS, hides_blank=True),
        *_cards(
            "Day completeness",
            "Unexplained minutes",
            "Open gaps",
            "Unresolved gaps",
            "Agreement",
            "Age of newest price (min)",
        ),
        _over_time(
            UPPER.at(0, 6),
            "Completeness of days",
            "A line with the share of minutes that are there, day by day.",
            "Of the minutes in which the pairs were trading, those with an observation or a candle.",
            (_DAY, "Day"),
            "Day completeness",
            tips=("Expected minutes", "Explained minutes", "Unexplained minutes"),
        ),
        _bars(
            UPPER.at(6, 6),
            "Gaps by cause",
            "Bars with the number of gaps of each cause.",
            "Those that touch the chosen days. With a pair, quote or status chosen, the whole market's are left out.",
            (column("gap.cause"), "Cause"),
            {"Gaps": None},
            tips=("Hours in gaps", "Repaired gaps"),
        ),
        _matrix(
            LOWER.at(0, 6),
            "Pairs and their data",
            "A table of pairs with completeness, unexplained minutes, longest silence and agreement, worst first.",
            "The least complete pairs first. Agreement: sampled averages that lie within what was traded.",
            (_SYMBOL, "Pair"),
            {
                "Day completeness": "Complete",
                "Unexplained minutes": "Unexplained min",
                "Longest silence (min)": None,
                "Agreement": None,
                "Mean deviation from traded (bp)": "Deviation (bp)",
            },
            sort=("Day completeness", False),
            totals=True,
        ),
        _list(
            LOWER.at(6, 6),
            "Gaps one by one",
            "A table of gaps with pair, beginning, end, cause and evidence, newest first.",
            "Those that touch the chosen days. Without a pair: the whole market. Without an end: it lasts.",
            [
                (_SYMBOL, "Pair"),
                (column("gap.from_utc"), "From (UTC)"),
                (column("gap.to_utc"), "To (UTC)"),
                (column("gap.cause"), "Cause"),
                (column("gap.evidence"), "Evidence"),
            ],
            sort=column("gap.from_utc"),
            filters=[compared(measure("Gaps"), GREATER, literal("0L"))],
        ),
    ]
    return Page("quality", "Data quality", visuals)


def _sectors() -> Page:
    sector = (column("fact_sector_hour.sector"), "Sector")
    hour = (column("fact_sector_hour.hour_utc"), "Hour (UTC)")
    visuals = [
        *_header("Sectors", "How sectors moved, measured in USDT, hour by hour. Times are UTC."),
        _slicer(SLICERS.at(0, 3), "Days (UTC)", _DAY, mode="Between"),
        _slicer(SLICERS.at(3, 3), "Whose sectors", column("fact_sector_hour.provider"), chosen="curated"),
        _slicer(SLICERS.at(6, 3), "Prices from", column("fact_sector_hour.source")),
        _slicer(SLICERS.at(9, 3), "Sector", sector[0]),
        *_cards("Sector hours", "Best hour", "Worst hour", "Pairs per sector hour"),
        _bars(
            UPPER.at(0, 5),
            "How sectors moved",
            "Bars with the change of each sector over the chosen days, best first.",
            "In USDT, equal weights, over the hours that have a row. Empty: choose where the prices are from.",
            sector,
            {"Sector change": None},
            tips=("Sector hours", "Pairs per sector hour"),
        ),
        _over_time(
            UPPER.at(5, 7),
            "Hour by hour",
            "Lines with the change of each sector in each hour.",
            "The change of each hour by itself, not added up.",
            hour,
            "Sector change",
            series=sector,
        ),
        _matrix(
            LOWER.at(0, 5),
            "Sectors and their hours",
            "A table of sectors with their hours, the best and the worst of them, and how many pairs count.",
            "The best and the worst hour are those of the chosen days.",
            sector,
            {
                "Sector hours": "Hours",
                "Best hour": None,
                "Worst hour": None,
                "Pairs per sector hour": "Pairs",
            },
            sort=("Best hour", True),
        ),
        _list(
            LOWER.at(5, 7),
            "The hours one by one",
            "A table of hours and sectors with three kinds of mean change and how many pairs count, newest first.",
            "Change: robust against one outlier, and what the measures are of. A mean and a median to compare with.",
            [
                hour,
                sector,
                (column("fact_sector_hour.change"), "Change"),
                (column("fact_sector_hour.mean_change"), "Plain mean"),
                (column("fact_sector_hour.median_change"), "Median"),
                (column("fact_sector_hour.pair_count"), "Pairs"),
            ],
            sort=hour[0],
        ),
    ]
    return Page("sectors", "Sectors", visuals)


def _parity() -> Page:
    parity = (column("fact_parity_hour.parity"), "What follows what")
    hour = (column("fact_parity_hour.hour_utc"), "Hour (UTC)")
    furthest = "Largest deviation (bp)"
    visuals = [
        *_header("Parity", "Whether what should cost the same does, hour by hour. Times are UTC."),
        _slicer(SLICERS.at(0, 3), "Days (UTC)", _DAY, mode="Between"),
        _slicer(SLICERS.at(3, 3), "Kind", column("fact_parity_hour.kind")),
        _slicer(SLICERS.at(6, 3), "Prices from", column("fact_parity_hour.source")),
        _slicer(SLICERS.at(9, 3), "What follows what", parity[0]),
        *_cards("Parity hours", "Share beyond threshold", "Mean deviation (bp)", furthest),
        _bars(
            UPPER.at(0, 5),
            "Furthest off",
            "Bars with the largest deviation of each, the ten largest, largest first.",
            "The ten that were furthest off in any hour, either way. In basis points: 100 are 1 %.",
            parity,
            {furthest: None},
            tips=("Parity hours", "Hours beyond threshold"),
            filters=[highest(parity[0], measure(furthest), 10)],
        ),
        _over_time(
            UPPER.at(5, 7),
            "Deviation hour by hour",
            "Lines with the deviation of each in each hour.",
            "Above zero: it costs more than what it follows. In basis points: 100 are 1 %.",
            hour,
            "Mean deviation (bp)",
            series=parity,
        ),
        _matrix(
            LOWER.at(0, 5),
            "Deviation from parity",
            "A table of what follows what, with mean and largest deviation and the share beyond the threshold.",
            "Beyond: of the hours in which something was expected, those that were off by more than they may.",
            parity,
            {"Mean deviation (bp)": "Mean (bp)", furthest: "Largest (bp)", "Share beyond threshold": "Beyond"},
            sort=(furthest, True),
        ),
        _list(
            LOWER.at(5, 7),
            "Hours beyond the threshold",
            "A table of the hours in which a price was off by more than it may, newest first.",
            "What one of the currency cost in the one it follows, and what it should have.",
            [
                hour,
                (column("fact_parity_hour.code"), "Currency"),
                (column("fact_parity_hour.follows_code"), "Follows"),
                (column("fact_parity_hour.price"), "Price"),
                (column("fact_parity_hour.expected_price"), "Expected"),
                (column("fact_parity_hour.deviation_bp"), "Deviation (bp)"),
                (column("fact_parity_hour.threshold_bp"), "Threshold (bp)"),
            ],
            sort=hour[0],
            filters=[one_of(column("fact_parity_hour.is_beyond"), literal("true"))],
        ),
    ]
    return Page("parity", "Parity", visuals)


def _header(title: str, reading: str) -> list[Visual]:
    """What every page begins with: what it is, and whether its prices are real."""
    runs = [
        {"textRuns": [{"value": title, "textStyle": {"fontSize": "18pt", "fontWeight": "bold"}}]},
        {"textRuns": [{"value": reading, "textStyle": {"fontSize": "10pt"}}]},
    ]
    return [
        Visual("textbox", HEADER.at(0, 8), None, f"{title}. {reading}", {}, objects={"general": {"paragraphs": runs}}),
        Visual(
            "card",
            HEADER.at(8, 4),
            None,
            "Whether the prices are real or SIMULATED.",
            {"Values": [(measure("Source notice"), None)]},
            objects={
                "labels": {"fontSize": number(11), "bold": true},
                "categoryLabels": {"show": false},
                "wordWrap": {"show": true},
            },
        ),
    ]


def _slicer(
    place: Place,
    title: str,
    field: Field,
    *,
    mode: str = "Dropdown",
    chosen: str | None = None,
    hides_blank: bool = False,
    filters: Sequence[Json] = (),
) -> Visual:
    """A slicer; with ``chosen`` exactly one value is chosen at a time, at first this one."""
    objects: dict[str, Json] = {"data": {"mode": text(mode)}, "header": {"show": false}, "slider": {"show": false}}
    if chosen:
        condition = {"In": {"Expressions": [field.expression({"Source": "t"})], "Values": [[literal(quoted(chosen))]]}}
        objects["general"] = {"filter": {"filter": selection(field, condition)}}
        objects["selection"] = {"strictSingleSelect": true}
    return Visual(
        "slicer",
        place,
        title,
        f"A choice: {title.lower()}.",
        {"Values": [(field, None)]},
        objects=objects,
        filters=[*filters, *([not_blank(field)] if hides_blank else [])],
    )


def _cards(*names: str) -> list[Visual]:
    """Key figures side by side."""
    width = 12 // len(names)
    return [
        Visual(
            "card",
            CARDS.at(width * place, width),
            _OF_NOW.get(name, name),
            f"{name}: {measure_named(name).description}",
            {"Values": [(measure(name), None)]},
            objects={
                "labels": {"fontSize": number(16), "labelDisplayUnits": constant("1D")},
                "categoryLabels": {"show": false},
            },
        )
        for place, name in enumerate(names)
    ]


def _bars(
    place: Place,
    title: str,
    alt: str,
    reading: str,
    by: Shown,
    values: Named,
    *,
    kind: str = "clusteredBarChart",
    tips: Sequence[str] = (),
    objects: Mapping[str, Json] | None = None,
    filters: Sequence[Json] = (),
    sort: tuple[Field, bool] | None = None,
) -> Visual:
    """A bar for each value of a column, the longest first unless ``sort`` says otherwise."""
    roles = {"Category": [by], "Y": _measures(values), **_tooltips(tips)}
    first, *_ = values
    shown = {**_AXES, **(objects or {})}
    return Visual(kind, place, title, alt, roles, reading, shown, filters, sort=sort or (measure(first), True))


def _over_time(
    place: Place,
    title: str,
    alt: str,
    reading: str,
    at: Shown,
    value: str,
    *,
    kind: str = "lineChart",
    series: Shown | None = None,
    tips: Sequence[str] = (),
    objects: Mapping[str, Json] | None = None,
) -> Visual:
    """A measure from left to right, with a line of its own for each value of the ``series``."""
    roles: dict[str, Sequence[Shown]] = {"Category": [at], "Y": [(measure(value), None)], **_tooltips(tips)}
    if series:
        roles["Series"] = [series]
    by_time = {"categoryAxis": {"axisType": text("Scalar"), "showAxisTitle": false}}
    return Visual(kind, place, title, alt, roles, reading, {**_AXES, **by_time, **(objects or {})}, sort=(at[0], False))


def _matrix(
    place: Place,
    title: str,
    alt: str,
    reading: str,
    row: Shown,
    values: Named,
    *,
    sort: tuple[str, bool],
    totals: bool = False,
) -> Visual:
    """Measures for each value of a column."""
    by, descends = sort
    roles = {"Rows": [row], "Values": _measures(values)}
    subtotals = {"subTotals": {"rowSubtotals": true if totals else false}}
    return Visual("pivotTable", place, title, alt, roles, reading, subtotals, sort=(measure(by), descends))


def _list(
    place: Place,
    title: str,
    alt: str,
    reading: str,
    columns: Sequence[Shown],
    *,
    sort: Field,
    filters: Sequence[Json] = (),
) -> Visual:
    """Rows one by one, the last of the order first."""
    no_totals = {"total": {"totals": false}}
    return Visual("tableEx", place, title, alt, {"Values": columns}, reading, no_totals, filters, sort=(sort, True))


def _measures(values: Named) -> list[Shown]:
    return [(measure(name), shown_as) for name, shown_as in values.items()]


def _tooltips(names: Sequence[str]) -> dict[str, Sequence[Shown]]:
    return {"Tooltips": [(measure(name), None) for name in names]} if names else {}
