"""Third normal form: each fact once, in the exchange's words, with stable ids."""

from binance_assets.raw.tables import DAY, SOURCES
from binance_assets.tables import Table, flag, instant, integer, one_of, positive, price, quantity, text

ASSET_TYPES = ("crypto", "stablecoin", "fiat", "wrapped", "leveraged_token", "commodity_token")

CURRENCY = Table(
    "core.currency",
    "Every currency that is a base or a quote of some pair.",
    grain="one currency",
    key=("currency_id",),
    unique=("code",),
    columns={
        "currency_id": integer("Stable number, in order of first appearance", positive()),
        "code": text("The exchange's code, such as BTC"),
        "name": text("Its name, where the project's reviewed list has one", nullable=True),
        "asset_type": text(
            "What kind of currency it is, by the project's reviewed list; crypto where that says nothing",
            one_of(*ASSET_TYPES),
        ),
    },
)

PAIR = Table(
    "core.pair",
    "Every pair that the exchange has described: a symbol with its base and quote.",
    grain="one pair",
    key=("pair_id",),
    unique=("symbol",),
    references={
        "base_currency_id": "core.currency.currency_id",
        "quote_currency_id": "core.currency.currency_id",
    },
    columns={
        "pair_id": integer("Stable number, in order of first appearance", positive()),
        "symbol": text("The exchange's name of the pair, such as BTCUSDT"),
        "base_currency_id": integer("The currency that is priced"),
        "quote_currency_id": integer("The currency that the price is in"),
        "first_seen_at": instant("Earliest metadata that lists the pair"),
        "last_seen_at": instant("Latest metadata that lists the pair"),
    },
)

PAIR_HISTORY = Table(
    "core.pair_history",
    "What the exchange's rules for a pair were, from when to when. A new row only when one of them changes.",
    grain="pair x span of unchanged rules",
    key=("pair_id", "valid_from"),
    references={"pair_id": "core.pair.pair_id"},
    columns={
        "pair_id": integer("The pair"),
        "valid_from": instant("First metadata that says so"),
        "valid_to": instant("First metadata that says otherwise; empty while current", nullable=True),
        "status": text("The exchange's word: TRADING, BREAK, HALT, ... Words that are new to us are kept"),
        "tick_size": price("The smallest step of a price", nullable=True),
        "step_size": quantity("The smallest step of a quantity", unit="base currency", nullable=True),
        "min_notional": quantity("The smallest value of an order", unit="quote currency", nullable=True),
        "is_spot_trading_allowed": flag("Whether the exchange allows spot trading of it", nullable=True),
    },
)

PRICE_HISTORY = Table(
    "core.price_history",
    "Every observed price. Its response is the row of raw.ticker_price with the same symbol and instant.",
    grain="pair x instant x source",
    key=("pair_id", "observed_at", "source"),
    references={"pair_id": "core.pair.pair_id"},
    large=True,
    time_column="observed_at",
    lake_order=("pair_id", "observed_at", "source"),
    columns={
        "date": DAY,
        "pair_id": integer("The pair"),
        "observed_at": instant("When the response with it was received"),
        "source": text("Where it came from", one_of(*SOURCES)),
        "price": price("The exchange's price", positive()),
    },
)

PRICE_WITHOUT_METADATA = Table(
    "core.price_without_metadata",
    "Prices of symbols that the exchange quotes but has not described. They move to core.price_history "
    "when metadata names their base and quote; nobody guesses it from the symbol.",
    grain="symbol x instant x source",
    key=("symbol", "observed_at", "source"),
    large=True,
    time_column="observed_at",
    lake_order=("symbol", "observed_at", "source"),
    columns={
        "date": DAY,
        "symbol": text("The exchange's name of the pair"),
        "observed_at": instant("When the response with it was received"),
        "source": text("Where it came from", one_of(*SOURCES)),
        "price": price("The exchange's price", positive()),
    },
)

TABLES = (CURRENCY, PAIR, PAIR_HISTORY, PRICE_HISTORY, PRICE_WITHOUT_METADATA)
