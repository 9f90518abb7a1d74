"""The tables of the archive: its files, what is wrong in them, the candles, and which months of them count."""

import pandera.pandas as pa

from binance_assets.raw.tables import DAY
from binance_assets.tables import (
    Table,
    day,
    instant,
    integer,
    long_integer,
    not_negative,
    number,
    one_of,
    positive,
    price,
    quantity,
    text,
)

CANDLE_SOURCES = ("archive", "rest")
"""Where a candle can come from: the archive, or the API."""

STATES = ("loaded", "superseded", "refused", "waiting")

_FILE_KEY = "The file that it is from: raw.archive_file.file_key"

_CANDLE = {
    "pair_id": integer("The pair"),
    "open_at": instant("Start of the minute"),
    "open_price": price("Price of its first trade; where there was none, the last price before", positive()),
    "high_price": price("Highest price", positive()),
    "low_price": price("Lowest price", positive()),
    "close_price": price("Price of its last trade; where there was none, the last price before", positive()),
    "volume": quantity("What was traded", unit="base currency"),
    "quote_volume": quantity("What was paid for it", unit="quote currency"),
    "trade_count": integer("Trades", not_negative()),
    "taker_buy_volume": quantity("What of it was bought by those who accepted an offer", unit="base currency"),
    "taker_buy_quote_volume": quantity("What these paid", unit="quote currency"),
}

ARCHIVE_FILE = Table(
    "raw.archive_file",
    "Every landed file of the exchange's archive, in all versions, and what became of it.",
    grain="one version of a file",
    key=("file",),
    large=True,
    columns={
        "file": text("The landed file, relative to the landing folder"),
        "file_key": long_integer("A number for it, from its name; stands with each of its candles"),
        "symbol": text("The exchange's name of the pair"),
        "scope": text("Whether it is of a month or of a day", one_of("monthly", "daily")),
        "month": text("The month that it belongs to, such as 2020-01"),
        "first_day": day("The first day in it"),
        "url": text("Where it was"),
        "sha256": text("Hash of the zip, by the archive's checksum"),
        "size_bytes": integer("Size of the zip", not_negative(), unit="bytes"),
        "last_modified": instant("When the archive last changed it", nullable=True),
        "retrieved_at": instant("When it was downloaded; of several versions the newest that can be used counts"),
        "state": text(
            "loaded; superseded by a newer version; refused as a whole; or waiting for metadata that describes its "
            "symbol",
            one_of(*STATES),
        ),
        "candle_count": integer("Candles in it that can be used", not_negative(), nullable=True),
        "first_at": instant("First minute of these", nullable=True),
        "last_at": instant("Last minute of these", nullable=True),
        "loaded_at": instant("When its month was last put together with it"),
    },
)

ARCHIVE_DEFECT = Table(
    "raw.archive_defect",
    "What is wrong, or odd, in the files of the archive. A line with a defect is not loaded, except: a header is "
    "skipped, of lines that are repeated one counts, lines out of order are sorted. docs/archive.md has all kinds.",
    grain="one finding: a run of lines, a span of minutes, or a whole file",
    key=("file", "number"),
    references={"file": "raw.archive_file.file"},
    large=True,
    columns={
        "file": text("The landed file"),
        "number": integer("Its place among the findings of the file", positive()),
        "kind": text("What it is, in a word"),
        "line": integer("First line of the file that it is about", positive(), nullable=True),
        "last_line": integer("Last one", positive(), nullable=True),
        "from_utc": instant("First minute that it is about", nullable=True),
        "to_utc": instant("First minute after it", nullable=True),
        "affected_count": integer("How many lines, or minutes", positive(), nullable=True),
        "detail": text("The first line, or what there is to say", nullable=True),
    },
)

REST_KLINE = Table(
    "raw.rest_kline",
    "Candles from the exchange's API, for minutes that the archive does not have (yet). Whoever adds one also adds its "
    "pair and month to meta.open_kline_month.",
    grain="pair x minute",
    key=("pair_id", "open_at"),
    references={"pair_id": "core.pair.pair_id", "capture_id": "raw.capture.capture_id"},
    large=True,
    columns={**_CANDLE, "capture_id": text("The response it stood in; of several the one that was landed last")},
)

LONG_INTERVALS = ("1h", "1d")
"""The exchange's names of the intervals that minutes are rolled up to."""

LONG_KLINE = Table(
    "raw.long_kline",
    "The exchange's own candles of hours and days, from its API: what its candles of minutes should roll up to. They "
    "are compared, and nothing else is made of them.",
    grain="pair x hour, pair x day",
    key=("pair_id", "candle_interval", "open_at"),
    references={"pair_id": "core.pair.pair_id", "capture_id": "raw.capture.capture_id"},
    large=True,
    columns={
        "pair_id": _CANDLE["pair_id"],
        "candle_interval": text("Whether it is of an hour or of a day", one_of(*LONG_INTERVALS)),
        **_CANDLE,
        "open_at": instant("When the hour or day begins"),
        "capture_id": text("The response it stood in; of several the one that was landed last"),
    },
)

KLINE = Table(
    "raw.kline",
    "One-minute candles of the exchange, in the lake only, a partition a month. Of a minute for which there are "
    "several, the one of the monthly file counts before that of the daily one, and both before one from the API.",
    grain="pair x minute",
    key=("pair_id", "open_at"),
    references={"pair_id": "core.pair.pair_id"},
    large=True,
    is_monthly=True,
    columns={
        "month": text("The month, such as 2020-01. A query that filters by it reads no other month"),
        "date": DAY,
        **_CANDLE,
        "source": text("Where it came from: the archive, or the API", one_of(*CANDLE_SOURCES)),
        "file_key": long_integer(_FILE_KEY, nullable=True),
        "usdt_rate": number(
            "What one unit of the quote currency was worth in USDT, by the candles of that minute",
            unit="USDT",
            nullable=True,
        ),
        "usdt_path": text("The way that usdt_rate goes; empty exactly where that is", nullable=True),
    },
)

KLINE_HOUR = Table(
    "raw.kline_hour",
    "Hours of candles, rolled up from raw.kline when a month of it is written, and in the lake beside it, a partition "
    "a month.",
    grain="pair x hour x source",
    key=("pair_id", "hour_utc", "source"),
    references={"pair_id": "core.pair.pair_id"},
    large=True,
    is_monthly=True,
    columns={
        "month": text("The month, such as 2020-01. A query that filters by it reads no other month"),
        "date": DAY,
        "pair_id": integer("The pair"),
        "hour_utc": instant("Start of the hour"),
        "source": text("Where its candles came from: the archive, or the API", one_of(*CANDLE_SOURCES)),
        "open_price": price("Open of its first candle", positive()),
        "high_price": price("Highest price", positive()),
        "low_price": price("Lowest price", positive()),
        "close_price": price("Close of its last candle", positive()),
        "average_price": number(
            "What was paid over what was traded; where nothing was, the mean of the closes",
            positive(),
            unit="quote currency",
        ),
        "volume": quantity("What was traded", unit="base currency"),
        "quote_volume": quantity("What was paid for it", unit="quote currency"),
        "trade_count": integer("Trades", not_negative()),
        "candle_count": integer("Candles", pa.Check.in_range(1, 60)),
        "price_usdt": number(
            "The average price, each candle at its own minute's rate; empty where none has one",
            positive(),
            unit="USDT",
            nullable=True,
        ),
        "usdt_path": text("The way that the rates go, or several; empty exactly where price_usdt is", nullable=True),
    },
)

KLINE_MONTH = Table(
    "meta.kline_month",
    "Which partition of each month of raw.kline counts. Its row is written in the transaction that registers the files "
    "in it; a partition that it does not name is not read.",
    grain="one month",
    key=("month",),
    columns={
        "month": text("The month, such as 2020-01"),
        "partition": text("Its file, relative to the folder of the warehouse; the name is a hash of the content"),
        "hours": text("The file of its hours (raw.kline_hour), likewise"),
        "row_count": long_integer("Candles in it", not_negative()),
        "usdt_ways": text("Hash of the ways to USDT that it was made with"),
        "made_at": instant("When it was made"),
    },
)

KLINE_ANSWER = Table(
    "meta.kline_answer",
    "For which minutes the API was asked for candles and has answered: those that it did not give, it does not have.",
    grain="one response",
    key=("capture_id",),
    columns={
        "capture_id": text("The response"),
        "pair_id": integer("The pair"),
        "from_utc": instant("First minute that was asked for"),
        "to_utc": instant("First one after those that were asked for, and were over"),
        "answered_at": instant("When the response was received"),
    },
)

LONG_KLINE_ANSWER = Table(
    "meta.long_kline_answer",
    "For which hours and days the API was asked for its candles and has answered.",
    grain="one response",
    key=("capture_id",),
    columns={
        "capture_id": text("The response"),
        "candle_interval": text("Whether it is about hours or about days", one_of(*LONG_INTERVALS)),
        "pair_id": integer("The pair"),
        "from_utc": instant("Start of the first one that was asked for"),
        "to_utc": instant("End of the last one that was asked for, and was over"),
        "answered_at": instant("When the response was received"),
    },
)

OPEN_KLINE_MONTH = Table(
    "meta.open_kline_month",
    "Pairs whose candles of a month have to be put together anew.",
    grain="month x pair",
    key=("month", "pair_id"),
    columns={
        "month": text("The month, such as 2020-01"),
        "pair_id": integer("The pair"),
    },
)

OF_MINUTES = (ARCHIVE_FILE, ARCHIVE_DEFECT, REST_KLINE, KLINE, KLINE_HOUR)
"""Those that one step fills. What the exchange is asked to compare with them comes after."""

TABLES = (*OF_MINUTES, LONG_KLINE)
"""Those of the raw layer."""

META = (KLINE_MONTH, OPEN_KLINE_MONTH, KLINE_ANSWER, LONG_KLINE_ANSWER)
