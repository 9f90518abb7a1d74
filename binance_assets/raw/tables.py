"""The holding tables: what was received, row by row, before anything is made of it."""

from binance_assets.tables import Table, day, flag, instant, integer, not_negative, number, one_of, positive, text

SOURCES = ("live", "sandbox", "import")

DAY = day("The day, in UTC. A query that filters by it reads no other day")

CAPTURE = Table(
    "raw.capture",
    "Every accepted response: what was asked, when, of whom, and the landing file that keeps it as received.",
    grain="one accepted response",
    key=("capture_id",),
    time_column="received_at",
    lake_order=("source", "received_at", "capture_id"),
    stays_open="is_metadata(endpoint)",
    columns={
        "date": DAY,
        "capture_id": text("Hash of source, endpoint, time and content: the same response always gets the same id"),
        "endpoint": text(
            "The exchange's name of the endpoint, such as ticker/price; undated for imported rows without an instant; "
            "coinmarketcap/... for an answer of CoinMarketCap; klines/... with the pair, the first and the last "
            "candle, and the interval if these are no minutes"
        ),
        "source": text(
            "Where it came from: the real exchange, the sandbox, or a file the user brought", one_of(*SOURCES)
        ),
        "base_url": text("The address that answered", nullable=True),
        "requested_at": instant("When the request left", nullable=True),
        "received_at": instant("When the answer came; for an import, the time that its observations carry"),
        "due_at": instant("The grid point that the collector sampled it for", nullable=True),
        "exchange_at": instant("The exchange's own clock in the answer", nullable=True),
        "used_weight": integer("Request weight spent in this minute, as the exchange counts it", nullable=True),
        "sampling_interval_seconds": integer(
            "The grid on which it was sampled; empty for a single request or an import",
            positive(),
            unit="s",
            nullable=True,
        ),
        "clock_offset_seconds": number(
            "How far the host's clock was ahead of the time that the collector keeps; empty outside of it",
            unit="s",
            nullable=True,
        ),
        "row_count": integer("Rows in the response, refused ones included", not_negative()),
        "sha256": text("Hash of the body"),
        "file": text("Landing file, relative to the landing folder; their order is the order of loading"),
    },
)

TICKER_PRICE = Table(
    "raw.ticker_price",
    "Every price of the open days as the exchange wrote it. Those of a sealed day are in core.price_history, and as "
    "written in the landing files for as long as these are kept.",
    grain="capture x symbol",
    key=("capture_id", "symbol"),
    references={"capture_id": "raw.capture.capture_id"},
    large=True,
    time_column="retrieved_at",
    columns={
        "capture_id": text("The response it stood in"),
        "symbol": text("The exchange's name of the pair"),
        "price": text("The price, character by character as received"),
        "retrieved_at": instant("When the response was received"),
    },
)

EXCHANGE_INFO = Table(
    "raw.exchange_info",
    "The exchange's description of every symbol, kept when it differs from the one before; and that a response of the "
    "whole market no longer lists a symbol.",
    grain="capture x symbol, where it differs from the symbol's last",
    key=("capture_id", "symbol"),
    references={"capture_id": "raw.capture.capture_id"},
    large=True,
    time_column="retrieved_at",
    columns={
        "capture_id": text("The response it stood in"),
        "symbol": text("The exchange's name of the pair"),
        "payload": text(
            "The symbol's object, as received; empty if it is not listed any more", nullable=True, sql_type="json"
        ),
        "retrieved_at": instant("When the response was received"),
    },
)

SYMBOL = Table(
    "raw.symbol",
    "Every symbol that the exchange has described, by its first description in order of landing. "
    "The order gives the stable ids of pairs and currencies.",
    grain="one described symbol",
    key=("symbol",),
    references={"capture_id": "raw.capture.capture_id"},
    columns={
        "symbol": text("The exchange's name of the pair"),
        "base": text("The currency that is priced"),
        "quote": text("The currency that the price is in"),
        "capture_id": text("The response that described it first"),
        "file": text("Landing file of that response"),
        "position": integer("Where it stood in that response", positive()),
        "first_seen_at": instant("Earliest response that described it"),
        "last_seen_at": instant("Latest response that described it"),
        "is_leveraged": flag("Whether some response says that its base is a leveraged token"),
    },
)

QUARANTINE = Table(
    "raw.quarantine",
    "Every refused row, with the reason. The rest of its response was loaded.",
    grain="one refused row",
    key=("capture_id", "position", "row", "reason"),
    references={"capture_id": "raw.capture.capture_id"},
    large=True,
    time_column="retrieved_at",
    lake_order=("retrieved_at", "capture_id", "position"),
    is_sorted_by_hour=True,  # which is the same order, and long rows are not to be sorted all at once
    columns={
        "date": DAY,
        "retrieved_at": instant("When the response was received; of an imported row without an instant, when it came"),
        "capture_id": text("The response it stood in"),
        "position": integer(
            "Where it stood in that response; empty where it was refused later", positive(), nullable=True
        ),
        "row": text("The row as received"),
        "reason": text("Why it was refused"),
    },
)

MISSED_SAMPLE = Table(
    "raw.missed_sample",
    "Every grid point of the sampling at which the exchange gave no usable answer, and what it did instead.",
    grain="source x grid point",
    key=("source", "due_at"),
    large=True,
    time_column="due_at",
    lake_order=("source", "due_at"),
    columns={
        "date": DAY,
        "due_at": instant("The grid point"),
        "source": text("The exchange that was asked", one_of(*SOURCES)),
        "sampling_interval_seconds": integer("The grid on which it was sampled", positive(), unit="s"),
        "error": text("What kind of error, such as RateLimited or ExchangeServerError"),
        "message": text("What happened, in a sentence"),
        "file": text("Landing file, relative to the landing folder"),
    },
)

COINMARKETCAP_COIN = Table(
    "raw.coinmarketcap_coin",
    "Every coin that was in a map of CoinMarketCap, as the newest map with it has it. Symbols are not unique.",
    grain="one coin",
    key=("coinmarketcap_id",),
    columns={
        "coinmarketcap_id": integer("CoinMarketCap's number of the coin", positive()),
        "symbol": text("Its symbol, in the case in which CoinMarketCap writes it"),
        "name": text("Its name"),
        "slug": text("Its name in CoinMarketCap's addresses"),
        "rank": integer("Its place by market value, 1 first; empty where it has none", nullable=True),
        "is_active": flag("Whether CoinMarketCap finds it traded somewhere"),
        "capture_id": text("The page of the map that it stood on"),
        "retrieved_at": instant("When that page was received"),
        "listed_at": instant("When the last page of that map was received. Later maps do not have the coin"),
    },
)

COINMARKETCAP_LISTING = Table(
    "raw.coinmarketcap_listing",
    "The price of every coin in all of CoinMarketCap's listings.",
    grain="listings x coin",
    key=("listed_at", "coinmarketcap_id"),
    references={"capture_id": "raw.capture.capture_id"},
    large=True,
    time_column="listed_at",
    columns={
        "capture_id": text("The page of the listings that it stood on"),
        "coinmarketcap_id": integer("CoinMarketCap's number of the coin", positive()),
        "price_usd": number("What one coin was worth", not_negative(), unit="USD"),
        "listed_at": instant("When the last page of the listings was received"),
    },
)

COINMARKETCAP_CATEGORY = Table(
    "raw.coinmarketcap_category",
    "Every category that CoinMarketCap has named, as it named it last. "
    "The order of the first mentions gives the stable ids of categories.",
    grain="one category",
    key=("external_id",),
    columns={
        "external_id": text("CoinMarketCap's id of the category"),
        "name": text("Its name"),
        "num_tokens": integer("How many coins CoinMarketCap counts in it", nullable=True),
        "capture_id": text("The newest response that names it"),
        "retrieved_at": instant("When that response was received"),
        "file": text("Landing file that named it first"),
        "position": integer("Where it stood there", positive()),
    },
)

COINMARKETCAP_CATEGORY_COIN = Table(
    "raw.coinmarketcap_category_coin",
    "Every coin of every list of a category's members that was fetched. "
    "The pages of one list are the captures of one landing file.",
    grain="page of a list x coin",
    key=("capture_id", "coinmarketcap_id"),
    references={"capture_id": "raw.capture.capture_id"},
    large=True,
    time_column="listed_at",
    columns={
        "capture_id": text("The page that it stood on"),
        "external_id": text("CoinMarketCap's id of the category"),
        "coinmarketcap_id": integer("CoinMarketCap's number of the coin", positive()),
        "listed_at": instant("When the page was received"),
    },
)

TABLES = (
    CAPTURE,
    TICKER_PRICE,
    EXCHANGE_INFO,
    SYMBOL,
    QUARANTINE,
    MISSED_SAMPLE,
    COINMARKETCAP_COIN,
    COINMARKETCAP_LISTING,
    COINMARKETCAP_CATEGORY,
    COINMARKETCAP_CATEGORY_COIN,
)
