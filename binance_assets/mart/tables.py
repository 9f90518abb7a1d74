"""The star: dimensions, and facts at the grain of a capture and of a minute."""

import pandera.pandas as pa

from binance_assets.archive.tables import CANDLE_SOURCES
from binance_assets.core.tables import ASSET_TYPES, CATEGORY_PROVIDERS, SECTORS
from binance_assets.raw.tables import DAY, SOURCES
from binance_assets.tables import (
    Table,
    day,
    flag,
    instant,
    integer,
    licensed,
    not_negative,
    number,
    one_of,
    positive,
    price,
    quantity,
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
        "sectors": licensed(
            text(
                "The sectors that it is in now, in order of the alphabet, with ' · ' between them: for display. To "
                "count or filter, use mart.bridge_currency_category",
                nullable=True,
            ),
            by="sector_provider",
        ),
        "primary_sector": licensed(
            text("The first of its sectors in this order: " + ", ".join(SECTORS), one_of(*SECTORS), nullable=True),
            by="sector_provider",
        ),
        "sector_provider": licensed(
            text(
                "Whose sectors these are: the project's own where its list names the currency, else CoinMarketCap's",
                one_of(*CATEGORY_PROVIDERS),
                nullable=True,
            ),
            by="sector_provider",
        ),
        "coinmarketcap_id": licensed(
            integer(
                "CoinMarketCap's number of the coin that it is; empty where that is not certain",
                positive(),
                nullable=True,
            )
        ),
    },
)

DIM_CATEGORY = Table(
    "mart.dim_category",
    "Categories of currencies. What comes from CoinMarketCap says so in provider, so that it can be left out.",
    grain="one category",
    key=("category_key",),
    provider_column="provider",
    columns={
        "category_key": integer("The number of core.category", positive()),
        "provider": text("Whose category it is", one_of(*CATEGORY_PROVIDERS)),
        "name": text("The provider's name of it"),
        "sector": text("The sector that it belongs to; empty where to none", one_of(*SECTORS), nullable=True),
    },
)

BRIDGE_CURRENCY_CATEGORY = Table(
    "mart.bridge_currency_category",
    "Which categories a currency was in: those with valid_from <= t < valid_to at an instant t.",
    grain="currency x category x uninterrupted stay",
    key=("currency_key", "category_key", "valid_from"),
    references={
        "currency_key": "mart.dim_currency.currency_key",
        "category_key": "mart.dim_category.category_key",
    },
    columns={
        "currency_key": integer("The currency"),
        "category_key": integer("The category"),
        "valid_from": instant("First list of the category's members with it; as the project's own list says"),
        "valid_to": instant("First later list without it; 9999-12-31 while current"),
    },
)

DIM_PAIR = Table(
    "mart.dim_pair",
    "Pairs as they are now, with what is known of their two currencies.",
    grain="one pair",
    key=("pair_key",),
    unique=("symbol",),
    references={
        "base_currency_key": "mart.dim_currency.currency_key",
        "quote_currency_key": "mart.dim_currency.currency_key",
    },
    columns={
        "pair_key": integer("The number of core.pair", positive()),
        "symbol": text("The exchange's name of the pair"),
        "base_code": text("The currency that is priced"),
        "quote_code": text("The currency that the price is in"),
        "base_asset_type": text("What kind of currency the base is", one_of(*ASSET_TYPES)),
        "quote_asset_type": text("What kind of currency the quote is", one_of(*ASSET_TYPES)),
        "primary_sector": licensed(
            text(
                "The sector of the base; where it is in several, the first in the order of mart.dim_currency",
                one_of(*SECTORS),
                nullable=True,
            ),
            by="sector_provider",
        ),
        "sector_provider": licensed(
            text("Whose sector that is, as in mart.dim_currency", one_of(*CATEGORY_PROVIDERS), nullable=True),
            by="sector_provider",
        ),
        "status": text("The exchange's newest word on it"),
        "is_listed": flag("Whether the newest metadata of the whole market lists it"),
        "is_trading": flag("Whether it is listed, and that word is TRADING"),
        "tick_size": price("The smallest step of its price", nullable=True),
        "listed_at": instant("Earliest metadata that lists it"),
        "last_seen_at": instant("Latest metadata that lists it"),
        "base_currency_key": integer("The currency that is priced"),
        "quote_currency_key": integer("The currency that the price is in"),
    },
)

DIM_PAIR_HISTORY = Table(
    "mart.dim_pair_history",
    "Pairs as they were: those with valid_from <= t < valid_to were listed at an instant t, under these rules. Of a "
    "time in which the exchange did not list a pair there is no row.",
    grain="pair x span of unchanged rules",
    key=("pair_key", "valid_from"),
    references={"pair_key": "mart.dim_pair.pair_key"},
    columns={
        "pair_key": integer("The pair"),
        "symbol": text("The exchange's name of the pair"),
        "base_code": text("The currency that is priced"),
        "quote_code": text("The currency that the price is in"),
        "status": text("The exchange's word: TRADING, BREAK, HALT, ... Words that are new to us are kept"),
        "is_trading": flag("Whether that word is TRADING"),
        "tick_size": price("The smallest step of a price", nullable=True),
        "step_size": quantity("The smallest step of a quantity", unit="base currency", nullable=True),
        "min_notional": quantity("The smallest value of an order", unit="quote currency", nullable=True),
        "is_spot_trading_allowed": flag("Whether the exchange allows spot trading of it", nullable=True),
        "valid_from": instant("First metadata that says so"),
        "valid_to": instant("First metadata that says otherwise, or no longer lists it; 9999-12-31 while current"),
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

_PRICE_SOURCES = (*SOURCES, *CANDLE_SOURCES)

_PRICE_SOURCE = text(
    "Where it came from: observations of the real exchange, of the sandbox or of an import; or candles, of the archive "
    "or of the API (rest)",
    one_of(*_PRICE_SOURCES),
)

_TRADED = {
    "average_kind": text(
        "What average_price is: the mean of observations; or of candles the volume-weighted price, that is "
        "quote_volume over volume; or, where nothing was traded, their close. Empty on a gap",
        one_of("observations", "volume_weighted", "close"),
        nullable=True,
    ),
    "volume": quantity("What was traded; empty for observations", unit="base currency", nullable=True),
    "quote_volume": quantity("What was paid for it; empty for observations", unit="quote currency", nullable=True),
    "trade_count": integer("Trades; empty for observations", not_negative(), nullable=True),
}
"""What is told of minutes, hours and days alike that candles have."""

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
        "usdt_path": text(
            "The way that price_usdt goes, pair by pair from the quote currency to USDT; empty exactly where that is",
            nullable=True,
        ),
        "is_stale": flag(
            "The pair was not listed then, or not trading, so the price is its last trade's; empty while its status is "
            "unknown",
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
        "usdt_path": text("The way that price_usdt goes; empty exactly where that is", nullable=True),
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
    "Averages of every minute that is over, by what was sampled and by the exchange's own candles. A minute without "
    "observations between observed ones has a row that says so. A candle is one observation of its whole minute.",
    grain="pair x minute x source",
    key=("pair_key", "minute_utc", "source"),
    references=_FACT_REFERENCES,
    large=True,
    time_column="minute_utc",
    lake_order=("pair_key", "minute_utc", "source"),
    preferred_in="mart.price_minute",
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
        "usdt_pair_key": integer(
            "The first pair of the way in meta.usdt_way by which usdt_rate was found; empty where the quote is USDT",
            nullable=True,
        ),
    },
    columns={
        "pair_key": integer("The pair"),
        "date": DAY,
        "date_key": integer("The day of minute_utc"),
        "time_key": integer("The minute of the day of minute_utc"),
        "minute_utc": instant("Start of the minute; it reaches up to, without, the next"),
        "source": _PRICE_SOURCE,
        "average_price": number(
            "Mean of the observations; of a candle what average_kind says, in fifteen digits",
            positive(),
            unit="quote currency",
            nullable=True,
        ),
        "time_weighted_price": number(
            "Mean in which an observation counts for as long as it stood: until the next, or the minute's end; empty "
            "for a candle",
            positive(),
            unit="quote currency",
            nullable=True,
        ),
        "open_price": price("First observation; of a candle, its open", positive(), nullable=True),
        "high_price": price("Highest observation; of a candle, its high", positive(), nullable=True),
        "low_price": price("Lowest observation; of a candle, its low", positive(), nullable=True),
        "close_price": price("Last observation; of a candle, its close", positive(), nullable=True),
        "observation_count": integer("Observations in the minute; 1 for a candle", not_negative()),
        "expected_count": integer(
            "Grid points of the sampling in a minute; for an import, its snapshots in this minute; 1 for a candle",
            not_negative(),
        ),
        "coverage": number("observation_count over expected_count, at most 1; 1 for a candle", share()),
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
        "last_observed_at": instant(
            "The observation that close_price, or filled_price, is from; empty for a candle, which does not say when "
            "its last trade was",
            nullable=True,
        ),
        "price_usdt": number(
            "average_price by way of the quote currency's own pair in the same minute; empty where there is no way",
            positive(),
            unit="USDT",
            nullable=True,
        ),
        "usdt_path": text(
            "The way that price_usdt goes, pair by pair from the quote currency to USDT; empty exactly where that is",
            nullable=True,
        ),
        **_TRADED,
    },
)


def _roll_up(span: str, minutes: int, parts: str) -> dict[str, pa.Column]:
    """What is told of an hour and of a day alike: ``span`` is its name, ``parts`` what it is rolled up from."""
    within = pa.Check.in_range(0, minutes)
    return {
        "source": _PRICE_SOURCE,
        "price_sum": total(
            "Sum of the observations, exact, to be rolled up further; empty for candles, which volume and quote_volume "
            "roll up",
            unit="quote currency",
            nullable=True,
        ),
        "average_price": number(
            "Mean of the observations; of candles what average_kind says",
            positive(),
            unit="quote currency",
            nullable=True,
        ),
        "time_weighted_price": number(
            "Mean of the time-weighted prices of the observed minutes; empty for candles",
            positive(),
            unit="quote currency",
            nullable=True,
        ),
        "open_price": price("First observation; the open of the first candle", positive(), nullable=True),
        "high_price": price("Highest observation, or high of a candle", positive(), nullable=True),
        "low_price": price("Lowest observation, or low of a candle", positive(), nullable=True),
        "close_price": price("Last observation; the close of the last candle", positive(), nullable=True),
        "observation_count": integer(
            f"Observations in the {span}; a candle is one of its whole minute", not_negative()
        ),
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
            f"Mean of the prices in USDT of its {parts} that have one, weighted by their observations; of candles "
            "with trades, by their volumes",
            positive(),
            unit="USDT",
            nullable=True,
        ),
        "usdt_path": text(
            f"The way that the prices in USDT of its {parts} go, or several; empty exactly where price_usdt is",
            nullable=True,
        ),
    }


_HOUR = {
    "pair_key": integer("The pair"),
    "date": DAY,
    "date_key": integer("The day of hour_utc"),
    "time_key": integer("The minute of the day of hour_utc"),
    "hour_utc": instant("Start of the hour; it reaches up to, without, the next"),
    **_roll_up("hour", 60, "minutes"),
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
    preferred_in="mart.price_hour",
    stored={name: column for name, column in _HOUR.items() if name != "date"},
    columns=_HOUR | _TRADED,
)

FACT_PRICE_DAY = Table(
    "mart.fact_price_day",
    "Every day that is over and has a row in mart.fact_price_hour, rolled up from those hours; of candles also the "
    "running day. What is made of observations is empty on a day that has gaps only.",
    grain="pair x day x source",
    key=("pair_key", "date_utc", "source"),
    references={"pair_key": "mart.dim_pair.pair_key", "date_key": "mart.dim_date.date_key"},
    large=True,
    time_column="date_utc",
    preferred_in="mart.price_day",
    columns={
        "pair_key": integer("The pair"),
        "date_key": integer("The day as yyyymmdd"),
        "date_utc": day("The day"),
        **_roll_up("day", 1440, "hours"),
        **_TRADED,
    },
)

PARITY_KINDS = ("stablecoin", "wrapped", "accruing", "gold", "cross")

FACT_PARITY_HOUR = Table(
    "mart.fact_parity_hour",
    "What should agree, and does it: currencies that follow another (mart/parity.csv), and pairs against what their "
    "base and quote are worth in USDT. Without a row where one side was not trading or not observed through the hour.",
    grain="pair x kind x hour x source",
    key=("pair_key", "kind", "hour_utc", "source"),
    references=_FACT_REFERENCES,
    large=True,
    time_column="hour_utc",
    columns={
        "pair_key": integer("The pair that is looked at: for a follower, the first on its way to USDT"),
        "date_key": integer("The day of hour_utc"),
        "time_key": integer("The minute of the day of hour_utc"),
        "hour_utc": instant("Start of the hour"),
        "source": text("Where the observations came from", one_of(*SOURCES)),
        "kind": text(
            "stablecoin, wrapped, gold: one code should cost one follows_code. accruing: rewards add to it, so only "
            "the ratio is told. cross: the pair against its base and quote in USDT",
            one_of(*PARITY_KINDS),
        ),
        "code": text("The currency that follows; of a cross pair, its base"),
        "follows_code": text("The currency that is followed; of a cross pair, its quote"),
        "price": number("What one code cost in the hour, on average", positive(), unit="follows_code"),
        "expected_price": number(
            "What it should; empty where nothing says so", positive(), unit="follows_code", nullable=True
        ),
        "deviation_bp": number("How far price is above expected_price", unit="basis points", nullable=True),
        "threshold_bp": number(
            "How far it may be off: what the list says, and one step of the last decimal of each price in it",
            positive(),
            unit="basis points",
            nullable=True,
        ),
        "is_beyond": flag("Whether it is off by more than that; empty where nothing is expected", nullable=True),
        "usdt_path": text("The way from code to USDT"),
        "follows_usdt_path": text("The way from follows_code to USDT"),
    },
)

FACT_SECTOR_HOUR = Table(
    "mart.fact_sector_hour",
    "How the sectors moved in every hour of mart.fact_price_hour, measured in USDT: equal-weighted over the pairs of "
    "their currencies that the metadata calls TRADING for the whole hour, that were observed in at least 90 % of the "
    "minutes in which the market was, and that have a way to USDT over such pairs, other than themselves. What a pair "
    "did is from its first to its last observation in the hour. Sectors of different providers are never mixed.",
    grain="provider x sector x hour x source",
    key=("provider", "sector", "hour_utc", "source"),
    provider_column="provider",
    references={
        "date_key": "mart.dim_date.date_key",
        "time_key": "mart.dim_time.time_key",
        "lowest_pair_key": "mart.dim_pair.pair_key",
        "highest_pair_key": "mart.dim_pair.pair_key",
    },
    large=True,
    time_column="hour_utc",
    columns={
        "provider": text(
            "Who says which currencies belong to the sector, at the hour's start", one_of(*CATEGORY_PROVIDERS)
        ),
        "sector": text("The sector", one_of(*SECTORS)),
        "date_key": integer("The day of hour_utc"),
        "time_key": integer("The minute of the day of hour_utc"),
        "hour_utc": instant("Start of the hour; it reaches up to, without, the next"),
        "source": text("Where the observations came from", one_of(*SOURCES)),
        "change": number(
            "Mean of the changes of the pairs, in which the highest counts as the second highest, and the lowest as "
            "the second lowest; of fewer than three pairs their plain mean. 0.01 is 1 %",
            pa.Check.gt(-1),
        ),
        "mean_change": number("Plain mean of the changes of the pairs", pa.Check.gt(-1)),
        "median_change": number("Median of the changes of the pairs", pa.Check.gt(-1)),
        "pair_count": integer("Pairs that count", positive()),
        "currency_count": integer("Currencies that these pairs price", positive()),
        "observed_minutes": integer(
            "Minutes in which the market was observed: the most in which a pair was; in the others nobody knows how "
            "the sector moved",
            pa.Check.in_range(1, 60),
            unit="min",
        ),
        "lowest_pair_key": integer("The pair with the lowest change"),
        "highest_pair_key": integer("The pair with the highest change"),
    },
)

FACT_QUALITY_DAY = Table(
    "mart.fact_quality_day",
    "How good the data of a day is: is it there, why is it not, and do what was sampled and what was traded agree. Of "
    "days that are over, and pairs that were observed, have candles or are missing; docs/quality.md tells more.",
    grain="pair x day",
    key=("pair_key", "date_utc"),
    references={"pair_key": "mart.dim_pair.pair_key", "date_key": "mart.dim_date.date_key"},
    large=True,
    time_column="date_utc",
    columns={
        "pair_key": integer("The pair"),
        "date_key": integer("The day as yyyymmdd"),
        "date_utc": day("The day"),
        "expected_minutes": integer(
            "Minutes of the day without those in which, by mart.gap, the pair was not trading",
            pa.Check.in_range(1, 1440),
            unit="min",
        ),
        "observed_minutes": integer(
            "Minutes with an observation or a candle, of whatever source", pa.Check.in_range(0, 1440), unit="min"
        ),
        "completeness": number("observed_minutes over expected_minutes", share()),
        "explained_minutes": integer(
            "Expected minutes without either that lie in a gap of mart.gap whose cause is known",
            pa.Check.in_range(0, 1440),
            unit="min",
        ),
        "unexplained_minutes": integer(
            "The same of gaps whose cause is unresolved. In what is expected and is none of these three nobody looked: "
            "it is before the first observation, or between imports",
            pa.Check.in_range(0, 1440),
            unit="min",
        ),
        "coverage": number(
            "Of the sampling, as in mart.fact_price_day; of an import where there is no other. Empty where neither is",
            share(),
            nullable=True,
        ),
        "worst_staleness_seconds": number(
            "Longest time from an observation to the start of a minute without one; in a silence of more than half a "
            "day, from its beginning to its end or the day's. Empty where nothing was to be sampled",
            not_negative(),
            unit="s",
            nullable=True,
        ),
        "compared_minutes": integer(
            "Minutes that were observed and have a candle, too; one that was sampled and imported counts twice",
            not_negative(),
            unit="min",
        ),
        "outside_minutes": integer(
            "Those of them whose average_price of observations is not between the candle's low and high, nor between "
            "these and the close of the candle before",
            not_negative(),
            unit="min",
        ),
        "traded_minutes": integer(
            "Those of the compared minutes in which something was traded", not_negative(), unit="min"
        ),
        "mean_deviation_bp": number(
            "How far the average_price of observations is from the volume-weighted one, either way, on average over "
            "traded_minutes",
            not_negative(),
            unit="basis points",
            nullable=True,
        ),
        "worst_deviation_bp": number("The most that it is", not_negative(), unit="basis points", nullable=True),
        "differing_minutes": integer(
            "Minutes of which the archive's monthly file and its daily one do not say the same",
            not_negative(),
            unit="min",
        ),
        "compared_hours": integer(
            "Hours that the exchange was asked its own candle of, and of which it is known what minutes have candles",
            pa.Check.in_range(0, 24),
            unit="h",
        ),
        "differing_hours": integer(
            "Those of them whose own candle is not, to the last digit, what the candles of the minutes roll up to",
            pa.Check.in_range(0, 24),
            unit="h",
        ),
        "day_differs": flag(
            "Whether the exchange's own candle of the day is not what those of the minutes roll up to; empty where it "
            "was not compared",
            nullable=True,
        ),
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
    "Every interval in which the sampling should have brought observations and did not, and every one that the "
    "archive's files span without candles, of one pair or of the whole market, with its cause, and from where its "
    "minutes were repaired. Imports are not sampled, and have none.",
    grain="pair, or the whole market, x uninterrupted interval",
    key=("source", "pair_key", "from_utc"),
    references={"pair_key": "mart.dim_pair.pair_key"},
    large=True,
    time_column="from_utc",
    columns={
        "pair_key": integer("The pair; empty for the whole market", nullable=True),
        "source": text(
            "The exchange that was sampled; archive for minutes without candles", one_of(*SOURCES, "archive")
        ),
        "from_utc": instant("First grid point of the sampling without an observation, or first minute without candle"),
        "to_utc": instant("First one that is not part of the gap any more; empty while it lasts", nullable=True),
        "cause": text("Why, by the evidence", one_of(*GAP_CAUSES)),
        "evidence": text("What shows the cause, in a sentence"),
        "repaired_at": instant(
            "When the last of the candles came that its minutes were repaired from; empty if they were not. They are "
            "rows of mart.fact_price_minute with the source archive or rest",
            nullable=True,
        ),
        "repaired_from": text(
            "Where those came from: the archive, or, if some of them did, the exchange's API",
            one_of("archive", "rest"),
            nullable=True,
        ),
    },
)

TABLES = (
    DIM_CURRENCY,
    DIM_CATEGORY,
    BRIDGE_CURRENCY_CATEGORY,
    DIM_PAIR,
    DIM_PAIR_HISTORY,
    DIM_DATE,
    DIM_TIME,
    FACT_PRICE,
    FACT_PRICE_LATEST,
    FACT_PRICE_MINUTE,
    FACT_PRICE_HOUR,
    FACT_PRICE_DAY,
    FACT_PARITY_HOUR,
    FACT_SECTOR_HOUR,
    GAP,
    FACT_QUALITY_DAY,
)
