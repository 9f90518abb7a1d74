"""What the warehouse keeps about itself: bookkeeping, committed together with the rows that it is about. No assets."""

from binance_assets.raw.tables import SOURCES
from binance_assets.tables import Table, day, flag, instant, integer, not_negative, one_of, positive, price, text

WAREHOUSE = Table(
    "meta.warehouse",
    "One row: whose data this is, and by which declarations the tables were made.",
    grain="the warehouse",
    key=("source",),
    columns={
        "source": text("live, or sandbox for simulated data", one_of("live", "sandbox")),
        "schema_sha256": text("Hash of warehouse/schema.sql when it was made"),
    },
)

PROGRESS = Table(
    "meta.progress",
    "How far each model has read the landing files.",
    grain="one model",
    key=("model",),
    columns={
        "model": text("raw, or the table that the model fills"),
        "file": text("The last landing file whose rows are in it"),
        "landed_at": instant("When that file was landed; a minute is over when something was landed after it"),
    },
)

SEALED_PARTITION = Table(
    "meta.sealed_partition",
    "Which days of which tables are in the lake. Its row is written in the transaction that drops the open rows, so "
    "that no row is ever seen twice, or not at all.",
    grain="table x day",
    key=("table", "date"),
    columns={
        "table": text("The table's name, without its layer"),
        "date": day("The day"),
        "row_count": integer("Rows in the partition", not_negative()),
        "sealed_at": instant("When it was sealed"),
    },
)

TAKEN_OVER_DAY = Table(
    "meta.taken_over_day",
    "Sealed days whose minutes are still to be averaged anew: a rebuild has taken them over from the lake, or late "
    "metadata says something else of them.",
    grain="one day",
    key=("date",),
    columns={"date": day("The day")},
)

OPEN_MINUTE = Table(
    "meta.open_minute",
    "Minutes whose averages are not right yet, or no longer: they are running, or an observation came late.",
    grain="minute x source",
    key=("minute_utc", "source"),
    columns={
        "minute_utc": instant("Start of the minute"),
        "source": text("Where the observations came from", one_of(*SOURCES)),
    },
)

OPEN_HOUR = Table(
    "meta.open_hour",
    "Hours whose roll-ups are not right yet, or no longer: they are running, or one of their minutes has changed.",
    grain="hour x source",
    key=("hour_utc", "source"),
    columns={
        "hour_utc": instant("Start of the hour"),
        "source": text("Where the observations came from", one_of(*SOURCES)),
    },
)

OPEN_DAY = Table(
    "meta.open_day",
    "Days whose roll-ups are not right yet, or no longer: they are running, or one of their hours has changed.",
    grain="day x source",
    key=("date_utc", "source"),
    columns={
        "date_utc": day("The day"),
        "source": text("Where the observations came from", one_of(*SOURCES)),
    },
)

OPEN_SECTOR_HOUR = Table(
    "meta.open_sector_hour",
    "Hours whose sectors are not right yet, or no longer: they are rolled up anew, metadata has come late, or other "
    "currencies belong to a sector.",
    grain="hour x source",
    key=("hour_utc", "source"),
    columns={
        "hour_utc": instant("Start of the hour"),
        "source": text("Where the observations came from", one_of(*SOURCES)),
    },
)

SECTOR_MEMBER = Table(
    "meta.sector_member",
    "The members of sectors that mart.fact_sector_hour was made of: where they are other ones now, it is made anew.",
    grain="currency x category x span of membership",
    key=("currency_id", "category_id", "valid_from"),
    columns={
        "currency_id": integer("The currency"),
        "category_id": integer("The category by which it belongs to the sector"),
        "provider": text("Who says so"),
        "sector": text("The sector"),
        "valid_from": instant("From when on"),
        "valid_to": instant("Until when; empty while it does", nullable=True),
    },
)

LATEST_PRICE = Table(
    "meta.latest_price",
    "The newest price of every pair, kept up by the transaction that stores prices, so that nothing has to look "
    "for it in the history.",
    grain="one pair",
    key=("pair_id",),
    columns={
        "pair_id": integer("The pair"),
        "observed_at": instant("When it was observed"),
        "source": text("Where it came from", one_of(*SOURCES)),
        "price": price("The exchange's price", positive()),
    },
)

EXPECTED_PAIR = Table(
    "meta.expected_pair",
    "From when on the sampling should bring prices of each pair, and does.",
    grain="one pair",
    key=("pair_id",),
    columns={
        "pair_id": integer("The pair"),
        "trading_from": instant("Earliest metadata that calls it TRADING", nullable=True),
        "expected_from": instant("First grid point with an answer since then", nullable=True),
        "quoted_from": instant("First grid point at which it was quoted", nullable=True),
    },
)

PAIR_GAP = Table(
    "meta.pair_gap",
    "Where each pair is missing from answers after it was first quoted: what mart.gap is made of, before its causes.",
    grain="pair x uninterrupted interval",
    key=("pair_id", "from_utc"),
    large=True,
    columns={
        "pair_id": integer("The pair"),
        "from_utc": instant("First grid point whose answer lacks it"),
        "to_utc": instant("First one whose answer has it again; empty while it is missing", nullable=True),
        "pairs_before": integer("Pairs in the answer before", not_negative()),
        "refusal": text("Why a row of it was refused in the first answer that lacks it", nullable=True),
    },
)

TRADING_SPAN = Table(
    "meta.trading_span",
    "When each pair was TRADING, by core.pair_history, as the minutes and hours that there are were made with. The "
    "first known status of a pair is also taken for the time before it.",
    grain="pair x uninterrupted span",
    key=("pair_key", "valid_from"),
    columns={
        "pair_key": integer("The pair"),
        "valid_from": instant("Its first instant; 0001-01-01 where it is not known"),
        "valid_to": instant("First instant after it; 9999-12-31 while it trades"),
    },
)

USDT_WAY = Table(
    "meta.usdt_way",
    "The ways from each currency to USDT, while their pairs trade: directly, inverted, or by way of BTC.",
    grain="way x uninterrupted span in which its pairs trade",
    key=("pair_key", "valid_from"),
    columns={
        "code": text("The currency that it leads from"),
        "preference": integer("1 is taken before 2, if the prices that it needs are there", positive()),
        "path": text("Its pairs in order, an inverted one with 1/ before it"),
        "is_of_quote": flag("Whether some pair is quoted in the currency, so that its rate is needed"),
        "pair_key": integer("The first pair, which says which way it is"),
        "exponent": integer("1, or -1 where that is inverted: the power of its price that is a factor of the rate"),
        "via_pair_key": integer("The pair that leads on from BTC; empty where the first leads to USDT", nullable=True),
        "via_exponent": integer("1, or -1 where that is inverted", nullable=True),
        "valid_from": instant("First instant at which all of its pairs trade; 0001-01-01 where it is not known"),
        "valid_to": instant("First instant after it; 9999-12-31 while they trade"),
    },
)

TABLES = (
    WAREHOUSE,
    PROGRESS,
    SEALED_PARTITION,
    TAKEN_OVER_DAY,
    OPEN_MINUTE,
    OPEN_HOUR,
    OPEN_DAY,
    OPEN_SECTOR_HOUR,
    SECTOR_MEMBER,
    LATEST_PRICE,
    EXPECTED_PAIR,
    PAIR_GAP,
    TRADING_SPAN,
    USDT_WAY,
)
