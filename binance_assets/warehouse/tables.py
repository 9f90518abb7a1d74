"""What the warehouse keeps about itself: bookkeeping, committed together with the rows that it is about. No assets."""

from binance_assets.raw.tables import SOURCES
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
    text,
)

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

OPEN_QUALITY_DAY = Table(
    "meta.open_quality_day",
    "Days whose quality is not measured yet, or not as it is now: minutes, candles or gaps of theirs have changed.",
    grain="day x pair",
    key=("date_utc", "pair_key"),
    columns={
        "date_utc": day("The day"),
        "pair_key": integer("The pair; 0 stands for all"),
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

COIN_MAP = Table(
    "meta.coin_map",
    "Every map of coins that CoinMarketCap has answered: what says whether it counts.",
    grain="one map",
    key=("listed_at", "capture_id"),
    columns={
        "listed_at": instant("When the last page of the map was received"),
        "capture_id": text("The last of its pages by id"),
        "coins": integer("How many coins it has, without refused rows", positive()),
        "is_list": flag("Whether each of its pages is a list"),
    },
)

COIN_SYMBOL = Table(
    "meta.coin_symbol",
    "Every symbol that a coin of CoinMarketCap has had in some map.",
    grain="coin x symbol",
    key=("coinmarketcap_id", "symbol"),
    columns={
        "coinmarketcap_id": integer("CoinMarketCap's number of the coin", positive()),
        "symbol": text("The symbol, in the case in which CoinMarketCap writes it"),
    },
)

REFUSED_COIN = Table(
    "meta.refused_coin",
    "What refused rows of the maps of coins name: it is there, even if not known as what.",
    grain="one refused row",
    key=("capture_id", "position"),
    columns={
        "listed_at": instant("When the last page of the map was received"),
        "capture_id": text("The page of the map that it stood on"),
        "position": integer("Where it stood on that page", positive()),
        "coinmarketcap_id": integer("CoinMarketCap's number of the coin, if it can be read", positive(), nullable=True),
        "symbol": text("The symbol, if it can be read", nullable=True),
    },
)

COIN_LISTING = Table(
    "meta.coin_listing",
    "The times of CoinMarketCap's listings, and whether they are to be compared with the exchange's prices of that "
    "time: they are new, or something about that time has come since.",
    grain="listings",
    key=("listed_at",),
    columns={
        "listed_at": instant("When the last page of the listings was received"),
        "is_open": flag("Whether they are to be compared"),
    },
)

COMPARED_PRICE = Table(
    "meta.compared_price",
    "What each currency was worth on the exchange when each of CoinMarketCap's listings came.",
    grain="listings x currency",
    key=("listed_at", "currency_id"),
    large=True,
    columns={
        "listed_at": instant("When the listings came"),
        "currency_id": integer("The currency"),
        "price_usd": number("What it was worth, with a USDT as one dollar", positive(), unit="USD"),
    },
)

COIN_CANDIDATE = Table(
    "meta.coin_candidate",
    "The coins that each currency may be, of which meta.coin_comparison is complete.",
    grain="currency x coin",
    key=("currency_id", "coinmarketcap_id"),
    columns={
        "currency_id": integer("The currency"),
        "coinmarketcap_id": integer("CoinMarketCap's number of the coin", positive()),
    },
)

COIN_COMPARISON = Table(
    "meta.coin_comparison",
    "The newest listings at which both a currency and a coin that it may be had a price, so that nothing has to look "
    "for them in all listings.",
    grain="currency x coin x listings",
    key=("currency_id", "coinmarketcap_id", "listed_at"),
    large=True,
    columns={
        "currency_id": integer("The currency"),
        "coinmarketcap_id": integer("CoinMarketCap's number of the coin", positive()),
        "listed_at": instant("When the listings came"),
        "price_usd": number("What the currency was worth on the exchange", positive(), unit="USD"),
        "listed_usd": number("What one coin was worth in the listings", positive(), unit="USD"),
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

DOUBTED_SYMBOL = Table(
    "meta.doubted_symbol",
    "When it was in doubt whether a symbol was still listed: our own responses left it out, together with so many "
    "others that they may have been cut.",
    grain="symbol x uninterrupted interval",
    key=("symbol", "missing_since"),
    columns={
        "symbol": text("The exchange's name of the pair"),
        "missing_since": instant("First of our own responses that leaves it out"),
        "ended_at": instant(
            "First response that names it again, or by which it is gone; empty while in doubt", nullable=True
        ),
    },
)

SAMPLING_GAP = Table(
    "meta.sampling_gap",
    "The gaps of the sampling, by the evidence of the sampling alone: what mart.gap shows, before what candles say.",
    grain="pair, or the whole market, x uninterrupted interval",
    key=("pair_key", "from_utc"),
    large=True,
    columns={
        "pair_key": integer("The pair; empty for the whole market", nullable=True),
        "from_utc": instant("First grid point of the sampling without an observation"),
        "to_utc": instant("First one that is not part of the gap any more; empty while it lasts", nullable=True),
        "cause": text("Why, by the evidence"),
        "evidence": text("What shows the cause, in a sentence"),
    },
)

GAP_REPAIR = Table(
    "meta.gap_repair",
    "What candles say of gaps of the sampling that have ended, once there are the candles of each minute, or the "
    "exchange was asked for them and has none. A gap without a row here waits for some.",
    grain="pair, or the whole market, x gap",
    key=("pair_key", "from_utc"),
    large=True,
    columns={
        "pair_key": integer("The pair; empty for the whole market", nullable=True),
        "from_utc": instant("Where the gap begins"),
        "to_utc": instant("Where it ends; what is said of another interval does not count"),
        "cause": text("The cause that the candles show; empty where they show none", nullable=True),
        "finding": text("What they show, in a sentence"),
        "repaired_at": instant("When the last candle with trades came; empty if they repair nothing", nullable=True),
        "repaired_from": text("archive, or rest where some of them are from the API", nullable=True),
        "made_of": text("Which partitions of raw.kline were looked at, and which pairs: if others, it is done again"),
    },
)

CANDLE_GAP = Table(
    "meta.candle_gap",
    "Minutes in the span of the archive's files of which there is no candle: rows of mart.gap.",
    grain="pair, or all pairs of which there are files, x uninterrupted interval within a month",
    key=("pair_key", "from_utc"),
    large=True,
    columns={
        "month": text("The month, such as 2020-01"),
        "pair_key": integer("The pair; empty if no pair has candles of these minutes", nullable=True),
        "from_utc": instant("The first minute"),
        "to_utc": instant("The first one after them"),
        "cause": text("Why, by the evidence"),
        "evidence": text("What shows the cause, in a sentence"),
    },
)

CANDLE_GAP_MONTH = Table(
    "meta.candle_gap_month",
    "What meta.candle_gap was made of, month by month.",
    grain="one month",
    key=("month",),
    columns={
        "month": text("The month, such as 2020-01"),
        "made_of": text("The partition of raw.kline, and how often the API was asked; if another, it is made anew"),
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
    OPEN_QUALITY_DAY,
    OPEN_SECTOR_HOUR,
    SECTOR_MEMBER,
    LATEST_PRICE,
    COIN_MAP,
    COIN_SYMBOL,
    REFUSED_COIN,
    COIN_LISTING,
    COMPARED_PRICE,
    COIN_CANDIDATE,
    COIN_COMPARISON,
    EXPECTED_PAIR,
    PAIR_GAP,
    SAMPLING_GAP,
    GAP_REPAIR,
    CANDLE_GAP,
    CANDLE_GAP_MONTH,
    DOUBTED_SYMBOL,
    TRADING_SPAN,
    USDT_WAY,
)
