"""The star: dimensions, and facts at the grain of a capture and of a minute."""

import pandera.pandas as pa

from binance_assets.core.tables import ASSET_TYPES
from binance_assets.raw.tables import DAY, SOURCES
from binance_assets.tables import (
    Table,
    day,
    flag,
    instant,
    integer,
    not_negative,
    number,
    one_of,
    positive,
    price,
    share,
    text,
    total,
)

DIM_CURRENCY = Table(
    "mart.dim_currency",
    "Currencies, for filtering and grouping.",
    grain="one currency",
    key=("currency_key",),
    unique=("code",),
    columns={
        "currency_key": integer("The number of core.currency", positive()),
        "code": text("The exchange's code, such as BTC"),
        "name": text("Its name, where known", nullable=True),
        "asset_type": text("What kind of currency it is", one_of(*ASSET_TYPES)),
    },
)

DIM_PAIR = Table(
    "mart.dim_pair",
    "Pairs as they are now, with what is known of their two currencies.",
    grain="one pair",
    key=("pair_key",),
    unique=("symbol",),
    columns={
        "pair_key": integer("The number of core.pair", positive()),
        "symbol": text("The exchange's name of the pair"),
        "base_code": text("The currency that is priced"),
        "quote_code": text("The currency that the price is in"),
        "base_asset_type": text("What kind of currency the base is", one_of(*ASSET_TYPES)),
        "quote_asset_type": text("What kind of currency the quote is", one_of(*ASSET_TYPES)),
        "status": text("The exchange's newest word on it"),
        "is_trading": flag("Whether that word is TRADING, and the metadata of the newest day lists the pair"),
        "tick_size": price("The smallest step of its price", nullable=True),
        "listed_at": instant("Earliest metadata that lists it"),
        "last_seen_at": instant("Latest metadata that lists it"),
    },
)

DIM_DATE = Table(
    "mart.dim_date",
    "Days, whole years, from the exchange's first to the year of the newest data.",
    grain="one day",
    key=("date_key",),
    unique=("date_utc",),
    columns={
        "date_key": integer("The day as yyyymmdd"),
        "date_utc": day("The day"),
        "year": integer("Year"),
        "quarter": integer("Quarter of the year", pa.Check.in_range(1, 4)),
        "month": integer("Month of the year", pa.Check.in_range(1, 12)),
        "month_name": text("Its English name"),
        "day_of_month": integer("Day of the month", pa.Check.in_range(1, 31)),
        "iso_week": integer("ISO 8601 week of the year", pa.Check.in_range(1, 53)),
        "iso_weekday": integer("Monday is 1, Sunday is 7", pa.Check.in_range(1, 7)),
        "weekday_name": text("Its English name"),
        "is_weekend": flag("Saturday or Sunday"),
    },
)

DIM_TIME = Table(
    "mart.dim_time",
    "The minutes of a day.",
    grain="minute of the day",
    key=("time_key",),
    columns={
        "time_key": integer("Minutes since midnight", pa.Check.in_range(0, 1439)),
        "time_of_day": text("The minute as hh:mm"),
        "hour": integer("Hour of the day", pa.Check.in_range(0, 23)),
        "minute": integer("Minute of the hour", pa.Check.in_range(0, 59)),
    },
)

_FACT_REFERENCES = {
    "pair_key": "mart.dim_pair.pair_key",
    "date_key": "mart.dim_date.date_key",
    "time_key": "mart.dim_time.time_key",
}

FACT_PRICE = Table(
    "mart.fact_price",
    "Every observed price, keyed for the star.",
    grain="pair x capture",
    key=("pair_key", "observed_at", "source"),
    references=_FACT_REFERENCES,
    large=True,
    view_of="open.price_history",
    time_column="observed_at",
    columns={
        "pair_key": integer("The pair"),
        "date": DAY,
        "date_key": integer("The day of observed_at"),
        "time_key": integer("The minute of the day of observed_at"),
        "observed_at": instant("When the response with it was received"),
        "price": price("The exchange's price", positive()),
        "price_usdt": number(
            "The price by way of the quote currency's own pair in the same response; empty where there is no way",
            positive(),
            unit="USDT",
            nullable=True,
        ),
        "is_stale": flag(
            "The pair was not trading then, so the price is its last trade's; empty while its status is unknown",
            nullable=True,
        ),
        "source": text("Where it came from", one_of(*SOURCES)),
    },
)

FACT_PRICE_LATEST = Table(
    "mart.fact_price_latest",
    "The newest price of every pair.",
    grain="one pair",
    key=("pair_key",),
    references={"pair_key": "mart.dim_pair.pair_key"},
    columns={
        "pair_key": integer("The pair"),
        "observed_at": instant("When the response with it was received"),
        "price": price("The exchange's price", positive()),
        "price_usdt": number("The same in USDT; empty where there is no way", positive(), unit="USDT", nullable=True),
        "is_stale": flag("The pair is not trading, or its price has not moved, or not come, for a day"),
        "source": text("Where it came from", one_of(*SOURCES)),
        "price_rank_in_quote": integer(
            "1 is the highest price in that quote currency; empty for a stale price",
            positive(),
            nullable=True,
        ),
        "price_band": text("The decade that the price lies in, such as 0.01 to 0.1"),
        "price_band_order": integer("Sort key of the band: its power of ten", pa.Check.in_range(-8, 10)),
    },
)

FACT_PRICE_MINUTE = Table(
    "mart.fact_price_minute",
    "Averages of every minute that is over. A minute without observations between observed ones has a row "
    "that says so.",
    grain="pair x minute x source",
    key=("pair_key", "minute_utc", "source"),
    references=_FACT_REFERENCES,
    large=True,
    time_column="minute_utc",
    lake_order=("pair_key", "minute_utc", "source"),
    stored={
        "pair_key": integer("The pair"),
        "minute_utc": instant("Start of the minute"),
        "source": text("Where the observations came from", one_of(*SOURCES)),
        "close_price": price("Last observation", positive(), nullable=True),
        "open_over_close": price("First observation, above the last", nullable=True),
        "high_over_close": price("Highest observation, above the last", not_negative(), nullable=True),
        "close_over_low": price("Last observation, above the lowest", not_negative(), nullable=True),
        "sum_over_close": total("Sum of the observations, each above the last", unit="quote currency", nullable=True),
        "time_weighted_over_average": number("Time-weighted mean above the mean", unit="quote currency", nullable=True),
        "observation_count": integer("Observations in the minute", not_negative()),
        "expected_count": integer("Observations that there should be", not_negative()),
        "filled_price": price("The price carried into a gap", positive(), nullable=True),
        "last_observed_at": instant("The observation that close_price, or filled_price, is from"),
        "usdt_rate": number("USDT that one unit of the quote currency is worth", positive(), nullable=True),
    },
    columns={
        "pair_key": integer("The pair"),
        "date": DAY,
        "date_key": integer("The day of minute_utc"),
        "time_key": integer("The minute of the day of minute_utc"),
        "minute_utc": instant("Start of the minute; it reaches up to, without, the next"),
        "source": text("Where the observations came from", one_of(*SOURCES)),
        "average_price": number("Mean of the observations", positive(), unit="quote currency", nullable=True),
        "time_weighted_price": number(
            "Mean in which an observation counts for as long as it stood: until the next, or the minute's end",
            positive(),
            unit="quote currency",
            nullable=True,
        ),
        "open_price": price("First observation", positive(), nullable=True),
        "high_price": price("Highest observation", positive(), nullable=True),
        "low_price": price("Lowest observation", positive(), nullable=True),
        "close_price": price("Last observation", positive(), nullable=True),
        "observation_count": integer("Observations in the minute", not_negative()),
        "expected_count": integer(
            "Grid points of the sampling in a minute; for an import, its snapshots in this minute",
            not_negative(),
        ),
        "coverage": number("observation_count over expected_count, at most 1", share()),
        "is_gap": flag("No observation lies in the minute"),
        "filled_price": price(
            "On a gap, the last observation before it, if that is no older than the carry limit",
            positive(),
            nullable=True,
        ),
        "fill_method": text("How filled_price came about", one_of("none", "carried_forward")),
        "staleness_seconds": number(
            "On a gap, from the last observation before it to the start of the minute; 0 on an observed minute",
            not_negative(),
            unit="s",
        ),
        "last_observed_at": instant("The observation that close_price, or filled_price, is from"),
        "price_usdt": number(
            "average_price by way of the quote currency's own pair in the same minute; empty where there is no way",
            positive(),
            unit="USDT",
            nullable=True,
        ),
    },
)


def _roll_up(span: str, minutes: int, parts: str) -> dict[str, pa.Column]:
    """What is told of an hour and of a day alike: ``span`` is its name, ``parts`` what it is rolled up from."""
    within = pa.Check.in_range(0, minutes)
    return {
        "source": text("Where the observations came from", one_of(*SOURCES)),
        "price_sum": total(
            "Sum of the observations, exact, to be rolled up further", unit="quote currency", nullable=True
        ),
        "average_price": number("Mean of the observations", positive(), unit="quote currency", nullable=True),
        "time_weighted_price": number(
            "Mean of the time-weighted prices of the observed minutes", positive(), unit="quote currency", nullable=True
        ),
        "open_price": price("First observation", positive(), nullable=True),
        "high_price": price("Highest observation", positive(), nullable=True),
        "low_price": price("Lowest observation", positive(), nullable=True),
        "close_price": price("Last observation", positive(), nullable=True),
        "observation_count": integer(f"Observations in the {span}", not_negative()),
        "expected_count": integer(
            "Observations that there should be in the minutes that have a row, observed or gap", not_negative()
        ),
        "coverage": number(
            f"Share that is there of what the sampling would have brought over the whole {span}: the mean of the "
            f"coverages of its {minutes} minutes, of which one without observations counts 0",
            share(),
        ),
        "observed_minutes": integer("Minutes with observations", within, unit="min"),
        "filled_minutes": integer("Minutes without, into which a price was carried", within, unit="min"),
        "missing_minutes": integer(f"All other minutes of the {span}", within, unit="min"),
        "price_usdt": number(
            f"Mean of the prices in USDT of its {parts} that have one, weighted by their observations",
            positive(),
            unit="USDT",
            nullable=True,
        ),
    }


FACT_PRICE_HOUR = Table(
    "mart.fact_price_hour",
    "Every hour that is over and has a row in mart.fact_price_minute, rolled up from those minutes. What is made of "
    "observations is empty in an hour that has gaps only.",
    grain="pair x hour x source",
    key=("pair_key", "hour_utc", "source"),
    references=_FACT_REFERENCES,
    large=True,
    time_column="hour_utc",
    lake_order=("pair_key", "hour_utc", "source"),
    columns={
        "pair_key": integer("The pair"),
        "date": DAY,
        "date_key": integer("The day of hour_utc"),
        "time_key": integer("The minute of the day of hour_utc"),
        "hour_utc": instant("Start of the hour; it reaches up to, without, the next"),
        **_roll_up("hour", 60, "minutes"),
    },
)

FACT_PRICE_DAY = Table(
    "mart.fact_price_day",
    "Every day that is over and has a row in mart.fact_price_hour, rolled up from those hours. What is made of "
    "observations is empty on a day that has gaps only.",
    grain="pair x day x source",
    key=("pair_key", "date_utc", "source"),
    references={"pair_key": "mart.dim_pair.pair_key", "date_key": "mart.dim_date.date_key"},
    large=True,
    time_column="date_utc",
    columns={
        "pair_key": integer("The pair"),
        "date_key": integer("The day as yyyymmdd"),
        "date_utc": day("The day"),
        **_roll_up("day", 1440, "hours"),
    },
)

GAP_CAUSES = (
    "collector_down",
    "exchange_outage",
    "not_trading",
    "no_trades",
    "archive_defect",
    "unresolved",
)

GAP = Table(
    "mart.gap",
    "Every interval in which the sampling should have brought observations and did not, of one pair or of the whole "
    "market, with its cause. Imports are not sampled, and have none.",
    grain="pair, or the whole market, x uninterrupted interval",
    key=("source", "pair_key", "from_utc"),
    references={"pair_key": "mart.dim_pair.pair_key"},
    large=True,
    time_column="from_utc",
    columns={
        "pair_key": integer("The pair; empty for the whole market", nullable=True),
        "source": text("The exchange that was sampled", one_of(*SOURCES)),
        "from_utc": instant("First grid point of the sampling without an observation"),
        "to_utc": instant("First one that is not part of the gap any more; empty while it lasts", nullable=True),
        "cause": text("Why, by the evidence", one_of(*GAP_CAUSES)),
        "evidence": text("What shows the cause, in a sentence"),
        "repaired_at": instant("When observations from elsewhere were put in; empty if none were", nullable=True),
        "repaired_from": text("Where those came from", nullable=True),
    },
)

TABLES = (
    DIM_CURRENCY,
    DIM_PAIR,
    DIM_DATE,
    DIM_TIME,
    FACT_PRICE,
    FACT_PRICE_LATEST,
    FACT_PRICE_MINUTE,
    FACT_PRICE_HOUR,
    FACT_PRICE_DAY,
    GAP,
)
