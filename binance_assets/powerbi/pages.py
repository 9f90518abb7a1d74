"""The pages of the report: what is on them, where, and how each picture is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from binance_assets.powerbi.layout import CARDS, HEADER, LOWER, SLICERS, UPPER, Band, Place
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

_SYMBOL = column("dim_pair.symbol")
_QUOTE = column("dim_pair.quote_code")


@dataclass(frozen=True)
class Page:
    """A page; ``filters`` apply to all of it."""

    id: str
    title: str
    visuals: Sequence[Visual]
    filters: Sequence[Json] = ()


def pages() -> tuple[Page, ...]:
    """All pages, in their order."""
    return (_overview(), _minutes(), _quality(), _sectors())


def _overview() -> Page:
    visuals = [
        *_header("Market overview", "The newest price of every pair, in one quote currency at a time. Times are UTC."),
        _slicer(SLICERS.at(0, 3), "Quote currency", _QUOTE, chosen="USDT", hides_blank=True),
        _slicer(SLICERS.at(3, 3), "Status", column("dim_pair.status"), hides_blank=True),
        _slicer(SLICERS.at(6, 3), "Sector of the base currency", column("dim_pair.primary_sector")),
        _slicer(SLICERS.at(9, 3), "Kind of base currency", column("dim_pair.base_asset_type"), hides_blank=True),
        *_cards(
            CARDS,
            "Pairs",
            "Trading pairs",
            "Current prices",
            "Share below 1",
            "Highest price",
            "Newest observation",
        ),
        Visual(
            "clusteredBarChart",
            UPPER.at(0, 6),
            "Highest-priced pairs",
            "Bars of the ten highest current prices in the chosen quote currency, highest first.",
            {"Category": [(_SYMBOL, "Pair")], "Y": [(measure("Highest price"), "Price")]},
            "The ten highest current prices of what is chosen; the scale is logarithmic. Stale prices are left out.",
            {
                "valueAxis": {"logAxisScale": true, "showAxisTitle": false, "gridlineShow": true},
                "categoryAxis": {"showAxisTitle": false},
                "labels": {"show": true},
            },
            [highest(_SYMBOL, measure("Highest price"), 10)],
            sort=(measure("Highest price"), True),
        ),
        Visual(
            "clusteredColumnChart",
            UPPER.at(6, 6),
            "How prices are distributed",
            "Columns with the number of pairs in each decade of price, from the smallest to the largest prices.",
            {
                "Category": [(column("fact_price_latest.price_band"), "Price")],
                "Y": [(measure("Priced pairs"), "Pairs")],
            },
            "Pairs by the decade of their newest price, stale ones as well. An empty decade has no column.",
            _plain_axes(),
            sort=(column("fact_price_latest.price_band"), False),
        ),
        Visual(
            "barChart",
            LOWER.at(0, 6),
            "By sector",
            "Stacked bars with the trading pairs and the other pairs of each sector.",
            {
                "Category": [(column("dim_pair.primary_sector"), "Sector")],
                "Y": [(measure("Trading pairs"), "Trading"), (measure("Halted or delisted pairs"), "Not trading")],
            },
            "Each pair counts once, in the first sector of its base currency. (Blank): in no sector of the list.",
            _plain_axes(),
            sort=(measure("Trading pairs"), True),
        ),
        Visual(
            "clusteredBarChart",
            LOWER.at(6, 6),
            "By status",
            "Bars with the number of pairs of each trading status.",
            {"Category": [(column("dim_pair.status"), "Status")], "Y": [(measure("Pairs"), None)]},
            "The exchange's newest word on each pair. Of all but TRADING the price is that of the last trade.",
            _plain_axes(),
            sort=(measure("Pairs"), True),
        ),
    ]
    return Page("overview", "Market overview", visuals)


def _minutes() -> Page:
    minute = column("fact_price_minute.minute_utc")
    gap = one_of(column("fact_price_minute.is_gap"), literal("true"))
    has_minutes = compared(measure("Minutes"), GREATER, literal("0L"))
    visuals = [
        *_header("Minute averages", "One pair, minute by minute, over its newest 48 hours at most. Times are UTC."),
        _slicer(SLICERS.at(0, 6), "Pair (those of the watch list)", _SYMBOL, chosen="BTCUSDT", filters=[has_minutes]),
        _slicer(SLICERS.at(6, 3), "Where from", column("fact_price_minute.source")),
        _slicer(SLICERS.at(9, 3), "Day", column("dim_date.date_utc"), filters=[has_minutes]),
        *_cards(CARDS, "Average price", "Low", "High", "Minute coverage", "Minutes with gap", "Newest minute"),
        Visual(
            "lineChart",
            UPPER.at(0, 12),
            "Average price of each minute",
            "A line of the minutes' average prices of the chosen pair; where a minute has no observation it is broken.",
            {
                "Category": [(minute, "Minute (UTC)")],
                "Y": [(measure("Average price"), None)],
                "Tooltips": [
                    (measure("Low"), None),
                    (measure("High"), None),
                    (measure("Minute coverage"), None),
                    (measure("Minutes with gap"), None),
                    (measure("Carried price"), None),
                ],
            },
            "In the quote currency. A gap is a break in the line: nothing is filled in.",
            _time_axis(),
            sort=(minute, False),
        ),
        Visual(
            "areaChart",
            LOWER.at(0, 7),
            "Coverage of each minute",
            "An area with the share of the due observations that were made in each minute; it falls to zero in a gap.",
            {
                "Category": [(minute, "Minute (UTC)")],
                "Y": [(measure("Minute coverage"), None)],
                "Tooltips": [(measure("Minutes with gap"), None)],
            },
            "Of the observations due in a minute, those made: 100 % is all of them, 0 % is a gap.",
            _time_axis() | {"valueAxis": {"start": number(0), "end": number(1), "showAxisTitle": false}},
            sort=(minute, False),
        ),
        Visual(
            "tableEx",
            LOWER.at(7, 5),
            "Minutes without an observation",
            "A table of the minutes that are gaps, with the price that was carried into them and how old it was.",
            {
                "Values": [
                    (minute, "Minute (UTC)"),
                    (column("fact_price_minute.filled_price"), "Carried price"),
                    (column("fact_price_minute.staleness_seconds"), "Seconds old"),
                ]
            },
            "The carried price is the last one before, if it was no older than the carry limit.",
            {"total": {"totals": false}},
            [gap],
            sort=(minute, True),
        ),
    ]
    newest = one_of(column("fact_price_minute.is_newest_48_hours"), literal("true"))
    return Page("minutes", "Minute averages", visuals, [newest])


def _quality() -> Page:
    day = column("dim_date.date_utc")
    visuals = [
        *_header(
            "Data quality", "Is the data there, why is it not, and does what was sampled agree with what was traded?"
        ),
        _slicer(SLICERS.at(0, 3), "Days (UTC)", day, mode="Between"),
        _slicer(SLICERS.at(3, 3), "Quote currency", _QUOTE, hides_blank=True),
        _slicer(SLICERS.at(6, 3), "Pair", _SYMBOL, hides_blank=True),
        _slicer(SLICERS.at(9, 3), "Cause of gaps", column("gap.cause")),
        *_cards(
            CARDS,
            "Day completeness",
            "Unexplained minutes",
            "Open gaps",
            "Unresolved gaps",
            "Agreement",
            "Age of newest price (min)",
        ),
        Visual(
            "lineChart",
            UPPER.at(0, 6),
            "Completeness of days",
            "A line with the share of minutes that are there, day by day.",
            {
                "Category": [(day, "Day")],
                "Y": [(measure("Day completeness"), None)],
                "Tooltips": [
                    (measure("Expected minutes"), None),
                    (measure("Explained minutes"), None),
                    (measure("Unexplained minutes"), None),
                ],
            },
            "Of the minutes in which the pairs were trading, those with an observation or a candle.",
            _plain_axes(),
            sort=(day, False),
        ),
        Visual(
            "clusteredBarChart",
            UPPER.at(6, 6),
            "Gaps by cause",
            "Bars with the number of gaps of each cause.",
            {
                "Category": [(column("gap.cause"), "Cause")],
                "Y": [(measure("Gaps"), None)],
                "Tooltips": [(measure("Hours in gaps"), None), (measure("Repaired gaps"), None)],
            },
            "Chosen days do not filter them. With a pair or quote chosen, those of the whole market are left out.",
            _plain_axes(),
            sort=(measure("Gaps"), True),
        ),
        Visual(
            "pivotTable",
            LOWER.at(0, 6),
            "Pairs and their data",
            "A table of pairs with completeness, unexplained minutes, longest silence and agreement, worst first.",
            {
                "Rows": [(_SYMBOL, "Pair")],
                "Values": [
                    (measure("Day completeness"), "Complete"),
                    (measure("Unexplained minutes"), "Unexplained min"),
                    (measure("Longest silence (min)"), "Longest silence (min)"),
                    (measure("Agreement"), None),
                    (measure("Mean deviation from traded (bp)"), "Deviation (bp)"),
                ],
            },
            "The least complete pairs first. Agreement: sampled averages that lie within what was traded.",
            {"subTotals": {"rowSubtotals": true}},
            sort=(measure("Day completeness"), False),
        ),
        Visual(
            "tableEx",
            LOWER.at(6, 6),
            "Gaps one by one",
            "A table of gaps with pair, beginning, end, cause and evidence, newest first.",
            {
                "Values": [
                    (_SYMBOL, "Pair"),
                    (column("gap.from_utc"), "From (UTC)"),
                    (column("gap.to_utc"), "To (UTC)"),
                    (column("gap.cause"), "Cause"),
                    (column("gap.evidence"), "Evidence"),
                ]
            },
            "Without a pair: the whole market; left out if a pair or quote is chosen. Without an end: it lasts.",
            {"total": {"totals": false}},
            sort=(column("gap.from_utc"), True),
        ),
    ]
    return Page("quality", "Data quality", visuals)


def _sectors() -> Page:
    sector, hour = column("fact_sector_hour.sector"), column("fact_sector_hour.hour_utc")
    beyond = one_of(column("fact_parity_hour.is_beyond"), literal("true"))
    visuals = [
        *_header("Sectors and parity", "How sectors moved, and whether what should cost the same does. Times are UTC."),
        _slicer(SLICERS.at(0, 3), "Days (UTC)", column("dim_date.date_utc"), mode="Between"),
        _slicer(SLICERS.at(3, 2), "Whose sectors", column("fact_sector_hour.provider"), chosen="curated"),
        _slicer(SLICERS.at(5, 2), "Prices from", column("fact_sector_hour.source")),
        _slicer(SLICERS.at(7, 3), "Sector", sector),
        _slicer(SLICERS.at(10, 2), "Kind of parity", column("fact_parity_hour.kind")),
        *_cards(
            CARDS,
            "Sector hours",
            "Best hour",
            "Worst hour",
            "Parity hours",
            "Share beyond threshold",
            "Largest deviation (bp)",
        ),
        Visual(
            "clusteredBarChart",
            UPPER.at(0, 5),
            "How sectors moved",
            "Bars with the change of each sector over the chosen days, best first.",
            {
                "Category": [(sector, "Sector")],
                "Y": [(measure("Sector change"), None)],
                "Tooltips": [(measure("Sector hours"), None), (measure("Pairs per sector hour"), None)],
            },
            "In USDT, equal weights, over the hours that have a row. Empty: choose where the prices are from.",
            _plain_axes(),
            sort=(measure("Sector change"), True),
        ),
        Visual(
            "lineChart",
            UPPER.at(5, 7),
            "Hour by hour",
            "Lines with the change of each sector in each hour.",
            {
                "Category": [(hour, "Hour (UTC)")],
                "Series": [(sector, "Sector")],
                "Y": [(measure("Sector change"), None)],
            },
            "The change of each hour by itself, not added up.",
            _time_axis(),
            sort=(hour, False),
        ),
        Visual(
            "pivotTable",
            LOWER.at(0, 5),
            "Deviation from parity",
            "A table of what follows what, with hours, mean and largest deviation and the share beyond the threshold.",
            {
                "Rows": [(column("fact_parity_hour.parity"), "What follows what")],
                "Values": [
                    (measure("Mean deviation (bp)"), "Mean (bp)"),
                    (measure("Largest deviation (bp)"), "Largest (bp)"),
                    (measure("Share beyond threshold"), "Beyond"),
                ],
            },
            "In basis points: 100 are 1 %. Beyond: of the hours, those that were off by more than they may.",
            {"subTotals": {"rowSubtotals": false}},
            sort=(measure("Largest deviation (bp)"), True),
        ),
        Visual(
            "tableEx",
            LOWER.at(5, 7),
            "Hours beyond the threshold",
            "A table of the hours in which a price was off by more than it may, newest first.",
            {
                "Values": [
                    (column("fact_parity_hour.hour_utc"), "Hour (UTC)"),
                    (column("fact_parity_hour.code"), "Currency"),
                    (column("fact_parity_hour.follows_code"), "Follows"),
                    (column("fact_parity_hour.price"), "Price"),
                    (column("fact_parity_hour.expected_price"), "Expected"),
                    (column("fact_parity_hour.deviation_bp"), "Deviation (bp)"),
                    (column("fact_parity_hour.threshold_bp"), "Threshold (bp)"),
                ]
            },
            "What one of the currency cost in the one it follows, and what it should have.",
            {"total": {"totals": false}},
            [beyond],
            sort=(column("fact_parity_hour.hour_utc"), True),
        ),
    ]
    return Page("sectors", "Sectors and parity", visuals)


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


def _cards(band: Band, *names: str) -> list[Visual]:
    """Six key figures side by side."""
    return [
        Visual(
            "card",
            band.at(2 * place, 2),
            name,
            f"{name}: one figure, for what is chosen.",
            {"Values": [(measure(name), None)]},
            objects={
                "labels": {"fontSize": number(16), "labelDisplayUnits": constant("1D")},
                "categoryLabels": {"show": false},
            },
        )
        for place, name in enumerate(names)
    ]


def _time_axis() -> dict[str, Json]:
    return _plain_axes() | {"categoryAxis": {"axisType": text("Scalar"), "showAxisTitle": false}}


def _plain_axes() -> dict[str, Json]:
    return {"categoryAxis": {"showAxisTitle": false}, "valueAxis": {"showAxisTitle": false}}
