"""The measures of the semantic model, in DAX.

A sum or mean of prices only makes sense within one pair, and a comparison of prices within one quote currency: such
measures are blank elsewhere. A count of some of the rows is 0 where there are rows and none of these, and blank where
there are no rows at all; so it is written as all rows without the others. A gap is no row of a day: it counts for each
day on which it lies, and its length as far as it lies on the chosen ones.
"""

from __future__ import annotations

from dataclasses import dataclass

COUNT = "#,0"
PRICE = "#,0.########"
SHARE = "0.0%"
CHANGE = "+0.00%;-0.00%;0.00%"
ONE_DECIMAL = "#,0.0"
INSTANT = "yyyy-mm-dd hh:nn:ss"
MINUTE = "yyyy-mm-dd hh:nn"

_ONE_PAIR = "HASONEVALUE(dim_pair[pair_key])"
_ONE_QUOTE = "HASONEVALUE(dim_pair[quote_code])"
_CURRENT = "KEEPFILTERS(fact_price_latest[is_stale] = FALSE())"
_ONE_SECTOR = (
    "HASONEVALUE(fact_sector_hour[sector]) && HASONEVALUE(fact_sector_hour[provider]) "
    "&& HASONEVALUE(fact_sector_hour[source])"
)

_CHOSEN_DAYS = """\
VAR FirstDay = MIN(dim_date[date_utc])
VAR DayAfter = MAX(dim_date[date_utc]) + 1"""
"""All days, where none are chosen: `dim_date` begins before the first gap and ends after the newest data."""


@dataclass(frozen=True)
class Measure:
    """A measure: ``table`` is the one whose fields it is listed with, ``format`` is None for a text."""

    table: str
    folder: str
    name: str
    dax: str
    format: str | None
    description: str


def _all_but(table: str, condition: str) -> str:
    """How many rows of a table do not meet a condition. KEEPFILTERS: beside what a slicer says of the same column."""
    return f"COUNTROWS({table}) - CALCULATE(COUNTROWS({table}), KEEPFILTERS({condition}))"


def _of(table: str, folder: str, *measures: tuple[str, str, str | None, str]) -> list[Measure]:
    return [Measure(table, folder, *measure) for measure in measures]


MEASURES: tuple[Measure, ...] = (
    *_of(
        "dim_pair",
        "Pairs",
        ("Pairs", "COUNTROWS(dim_pair)", COUNT, "Pairs that were ever listed."),
        (
            "Trading pairs",
            _all_but("dim_pair", "dim_pair[is_trading] = FALSE()"),
            COUNT,
            "Pairs that the newest metadata lists with the status TRADING.",
        ),
        (
            "Halted or delisted pairs",
            _all_but("dim_pair", "dim_pair[is_trading] = TRUE()"),
            COUNT,
            "All other pairs: their prices are those of their last trades.",
        ),
    ),
    *_of(
        "fact_price_latest",
        "Newest prices",
        ("Priced pairs", "COUNTROWS(fact_price_latest)", COUNT, "Pairs of which there is a price."),
        (
            "Current prices",
            _all_but("fact_price_latest", "fact_price_latest[is_stale] = TRUE()"),
            COUNT,
            "Pairs that are trading and whose price moved within a day.",
        ),
        (
            "Pairs below 1",
            _all_but("fact_price_latest", "fact_price_latest[price] >= 1"),
            COUNT,
            "Pairs whose newest price is below one unit of their quote currency.",
        ),
        ("Share below 1", "DIVIDE([Pairs below 1], [Priced pairs])", SHARE, "Of the priced pairs, those below 1."),
        (
            "Newest price",
            f"IF({_ONE_PAIR}, MAX(fact_price_latest[price]))",
            PRICE,
            "The newest price of one pair, in its quote currency; blank for several pairs.",
        ),
        (
            "Highest price",
            f"IF({_ONE_QUOTE}, CALCULATE(MAX(fact_price_latest[price]), {_CURRENT}))",
            PRICE,
            "The highest current price, in one quote currency; blank for several, whose prices do not compare.",
        ),
        (
            "Newest observation",
            "MAX(fact_price_latest[observed_at])",
            MINUTE,
            "When the newest price was received, UTC.",
        ),
        (
            "Age of newest price (min)",
            "DATEDIFF(MAX(fact_price_latest[observed_at]), UTCNOW(), MINUTE)",
            COUNT,
            "How old the newest price is now. An old one: the export, or the refresh of this file, stands still.",
        ),
    ),
    *_of(
        "fact_price_minute",
        "Minute averages",
        ("Minutes", "COUNTROWS(fact_price_minute)", COUNT, "Minutes that have a row, observed or gap."),
        (
            "Minutes with gap",
            _all_but("fact_price_minute", "fact_price_minute[is_gap] = FALSE()"),
            COUNT,
            "Minutes in which no observation lies.",
        ),
        ("Minute coverage", "AVERAGE(fact_price_minute[coverage])", SHARE, "Of the observations due, those made."),
        (
            "Average price",
            f"IF({_ONE_PAIR}, AVERAGE(fact_price_minute[average_price]))",
            PRICE,
            "Mean of the minutes' averages of one pair, in its quote currency. Blank in a gap: nothing is filled in.",
        ),
        (
            "Time-weighted price",
            f"IF({_ONE_PAIR}, AVERAGE(fact_price_minute[time_weighted_price]))",
            PRICE,
            "Mean of the minutes' time-weighted prices of one pair; blank for candles.",
        ),
        (
            "Carried price",
            f"IF({_ONE_PAIR}, AVERAGE(fact_price_minute[filled_price]))",
            PRICE,
            "In a gap, the last price before it, if that was no older than the carry limit.",
        ),
        ("Minute high", f"IF({_ONE_PAIR}, MAX(fact_price_minute[high_price]))", PRICE, "Highest price of one pair."),
        ("Minute low", f"IF({_ONE_PAIR}, MIN(fact_price_minute[low_price]))", PRICE, "Lowest price of one pair."),
        ("Newest minute", "MAX(fact_price_minute[minute_utc])", MINUTE, "Start of the newest minute, UTC."),
    ),
    *_of(
        "fact_price_day",
        "Days",
        ("Days of pairs", "COUNTROWS(fact_price_day)", COUNT, "Days that have a row, summed over the pairs."),
        (
            "Average price of the day",
            f"IF({_ONE_PAIR}, AVERAGE(fact_price_day[average_price]))",
            PRICE,
            "Mean of the days' averages of one pair.",
        ),
        (
            "Quote volume",
            f"IF({_ONE_QUOTE}, SUM(fact_price_day[quote_volume]))",
            COUNT,
            "What was paid, in one quote currency; blank for several. Candles only.",
        ),
        ("Sampling coverage", "AVERAGE(fact_price_day[coverage])", SHARE, "Of what the sampling of whole days brings."),
    ),
    *_of(
        "fact_sector_hour",
        "Sectors",
        ("Sector hours", "COUNTROWS(fact_sector_hour)", COUNT, "Hours of sectors, of all providers."),
        (
            "Sector change",
            f"IF({_ONE_SECTOR}, PRODUCTX(fact_sector_hour, 1 + fact_sector_hour[change]) - 1)",
            CHANGE,
            "How one sector moved over its hours, measured in USDT, robust against one outlier; hours without a row "
            "count as unchanged. Blank for several sectors, providers or sources.",
        ),
        ("Best hour", "MAX(fact_sector_hour[change])", CHANGE, "The most that a sector rose in an hour."),
        ("Worst hour", "MIN(fact_sector_hour[change])", CHANGE, "The most that a sector fell in an hour."),
        (
            "Pairs per sector hour",
            "AVERAGE(fact_sector_hour[pair_count])",
            ONE_DECIMAL,
            "Mean of those that count.",
        ),
    ),
    *_of(
        "fact_parity_hour",
        "Parity",
        ("Parity hours", "COUNTROWS(fact_parity_hour)", COUNT, "Hours in which two prices could be compared."),
        (
            "Hours beyond threshold",
            _all_but("fact_parity_hour", "NOT(fact_parity_hour[is_beyond] = TRUE())"),
            COUNT,
            "Hours in which what should agree was further off than its threshold.",
        ),
        (
            "Share beyond threshold",
            "DIVIDE([Hours beyond threshold], "
            "CALCULATE([Parity hours], KEEPFILTERS(NOT(ISBLANK(fact_parity_hour[is_beyond])))))",
            SHARE,
            "Of the hours in which something was expected.",
        ),
        (
            "Mean deviation (bp)",
            "AVERAGE(fact_parity_hour[deviation_bp])",
            ONE_DECIMAL,
            "How far above what is expected, on average, in basis points.",
        ),
        (
            "Largest deviation (bp)",
            "MAXX(FILTER(fact_parity_hour, NOT(ISBLANK(fact_parity_hour[deviation_bp]))), "
            "ABS(fact_parity_hour[deviation_bp]))",
            ONE_DECIMAL,
            "The furthest off, either way, in basis points.",
        ),
    ),
    *_of(
        "gap",
        "Gaps",
        (
            "Gaps",
            f"""\
{_CHOSEN_DAYS}
RETURN
	CALCULATE(
		COUNTROWS(gap),
		KEEPFILTERS(gap[from_utc] < DayAfter),
		KEEPFILTERS(ISBLANK(gap[to_utc]) || gap[to_utc] > FirstDay)
	)""",
            COUNT,
            "Intervals without observations, of a pair or of the whole market, that lie on the chosen days.",
        ),
        (
            "Open gaps",
            "COALESCE(CALCULATE([Gaps], KEEPFILTERS(ISBLANK(gap[to_utc]))), 0)",
            COUNT,
            "Gaps on the chosen days that last until now.",
        ),
        (
            "Unresolved gaps",
            'COALESCE(CALCULATE([Gaps], KEEPFILTERS(gap[cause] = "unresolved"), '
            "KEEPFILTERS(ISBLANK(gap[repaired_at]))), 0)",
            COUNT,
            "Gaps on the chosen days without a known cause that were not repaired.",
        ),
        (
            "Repaired gaps",
            "COALESCE(CALCULATE([Gaps], KEEPFILTERS(NOT(ISBLANK(gap[repaired_at])))), 0)",
            COUNT,
            "Gaps on the chosen days whose minutes came from candles.",
        ),
        (
            "Hours in gaps",
            f"""\
{_CHOSEN_DAYS}
RETURN
	DIVIDE(
		SUMX(
			FILTER(gap, gap[to_utc] > FirstDay && gap[from_utc] < DayAfter),
			DATEDIFF(MAX(gap[from_utc], FirstDay), MIN(gap[to_utc], DayAfter), SECOND)
		),
		3600
	)""",
            ONE_DECIMAL,
            "How much of the chosen days lies in gaps that are over, summed over pairs.",
        ),
    ),
    *_of(
        "fact_quality_day",
        "Quality",
        ("Expected minutes", "SUM(fact_quality_day[expected_minutes])", COUNT, "Minutes in which pairs were trading."),
        ("Observed minutes", "SUM(fact_quality_day[observed_minutes])", COUNT, "Those with an observation or candle."),
        (
            "Day completeness",
            "DIVIDE([Observed minutes], [Expected minutes])",
            SHARE,
            "Of the minutes in which pairs were trading, those with an observation or candle.",
        ),
        (
            "Explained minutes",
            "SUM(fact_quality_day[explained_minutes])",
            COUNT,
            "Missing minutes whose cause is known.",
        ),
        (
            "Unexplained minutes",
            "SUM(fact_quality_day[unexplained_minutes])",
            COUNT,
            "Missing minutes whose cause is unresolved.",
        ),
        (
            "Compared minutes",
            "SUM(fact_quality_day[compared_minutes])",
            COUNT,
            "Minutes of which there are observations and a candle.",
        ),
        (
            "Outside minutes",
            "SUM(fact_quality_day[outside_minutes])",
            COUNT,
            "Those whose averages of observations lie outside of what was traded.",
        ),
        (
            "Agreement",
            "DIVIDE([Compared minutes] - [Outside minutes], [Compared minutes])",
            SHARE,
            "Of the compared minutes, those in which what was sampled lies within what was traded.",
        ),
        (
            "Mean deviation from traded (bp)",
            "DIVIDE(SUMX(fact_quality_day, fact_quality_day[mean_deviation_bp] * fact_quality_day[traded_minutes]), "
            "SUM(fact_quality_day[traded_minutes]))",
            ONE_DECIMAL,
            "How far sampled averages are from the volume-weighted price, weighted by minutes, in basis points.",
        ),
        (
            "Longest silence (min)",
            "DIVIDE(MAX(fact_quality_day[worst_staleness_seconds]), 60)",
            COUNT,
            "Longest time without an observation, in minutes.",
        ),
    ),
    *_of(
        "publication",
        "Publication",
        (
            "Source notice",
            'IF(TRUE() IN ALL(publication[simulated]), "SIMULATED: prices made up by the sandbox exchange", '
            'IF(FALSE() IN ALL(publication[simulated]), "Prices of Binance Spot"))',
            None,
            "Whether the prices are real, by the manifest of the files.",
        ),
    ),
)


def measure_named(name: str) -> Measure:
    """A measure by its name."""
    [measure] = [measure for measure in MEASURES if measure.name == name]
    return measure
