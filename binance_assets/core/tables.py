"""Third normal form: each fact once, in the exchange's words, with stable ids."""

from binance_assets.raw.tables import DAY, SOURCES
from binance_assets.tables import (
    Table,
    flag,
    instant,
    integer,
    not_negative,
    number,
    one_of,
    positive,
    price,
    quantity,
    share,
    text,
)

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
            "What kind of currency it is: a leveraged token where the exchange says so, else by the project's reviewed "
            "list; crypto where that says nothing",
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
    "What the exchange's rules for a pair were, from when to when. A new row only when one of them changes, or the "
    "pair is listed again. While it is not listed it has no row.",
    grain="pair x span of unchanged rules",
    key=("pair_id", "valid_from"),
    references={"pair_id": "core.pair.pair_id"},
    columns={
        "pair_id": integer("The pair"),
        "valid_from": instant("First metadata that says so"),
        "valid_to": instant(
            "First metadata that says otherwise, or no longer lists the pair; empty while current", nullable=True
        ),
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
    is_sorted_by_hour=True,  # thirty million rows a day: to sort them costs more than it saves when they are read
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

MATCHING_METHODS = ("override", "unique_symbol", "rank_and_price")

CURRENCY_COINMARKETCAP = Table(
    "core.currency_coinmarketcap",
    "Which coin of CoinMarketCap a currency is, where that is certain enough. A currency that may be one and is not "
    "here is in core.unmatched_currency.",
    grain="one currency that is matched",
    key=("currency_id",),
    references={"currency_id": "core.currency.currency_id"},
    columns={
        "currency_id": integer("The currency"),
        "coinmarketcap_id": integer("CoinMarketCap's number of the coin", positive()),
        "method": text(
            "By the project's reviewed list; as the only active coin with that symbol; or as the best-ranked of "
            "several, which alone has the exchange's price. If no active coin is it: as the one that alone has the "
            "price, of one or of several that are gone",
            one_of(*MATCHING_METHODS),
        ),
        "confidence": number(
            "1: reviewed, and the prices agree; 0.9: reviewed, or the prices agree; 0.7: nothing but the symbol, a "
            "price that is not in the newest listings, or reviewed and the prices disagree",
            share(),
        ),
        "evidence": text("What speaks for it, in words"),
        "units_per_coin": integer("How many coins a unit of the currency is: 1, or 1000 for 1000SATS", positive()),
    },
)

UNMATCHED_CURRENCY = Table(
    "core.unmatched_currency",
    "Currencies that may be coins of CoinMarketCap and cannot be matched safely: to be reviewed.",
    grain="one currency that is not matched",
    key=("currency_id",),
    references={"currency_id": "core.currency.currency_id"},
    columns={
        "currency_id": integer("The currency"),
        "reason": text("Why no coin is certain enough"),
    },
)

UNMATCHED_CURRENCY_CANDIDATE = Table(
    "core.unmatched_currency_candidate",
    "Coins that an unmatched currency may be: those with its symbol, in any case.",
    grain="one coin",
    key=("coinmarketcap_id",),
    references={"currency_id": "core.currency.currency_id"},
    columns={
        "coinmarketcap_id": integer("CoinMarketCap's number of the coin", positive()),
        "currency_id": integer("The currency that it may be"),
        "name": text("Its name"),
        "rank": integer("Its place by market value, 1 first; empty where it has none", nullable=True),
        "is_active": flag("Whether the newest map that counts has it, and CoinMarketCap finds it traded somewhere"),
        "price_usd": number("Its price in the newest listings", not_negative(), unit="USD", nullable=True),
    },
)

CATEGORY_PROVIDERS = ("curated", "coinmarketcap")

SECTORS = (
    "Stablecoins",
    "Exchange Tokens",
    "Privacy Coins",
    "AI & Big Data",
    "Gaming & Metaverse",
    "NFTs",
    "DeFi",
    "Layer 1 & Layer 2",
)
"""The sectors, in the order in which a currency of several of them shows one: the narrower before the broader."""

CATEGORY = Table(
    "core.category",
    "Categories of currencies: the eight of the project's own list, and all that CoinMarketCap has named.",
    grain="one category",
    key=("category_id",),
    unique=("external_id",),
    columns={
        "category_id": integer(
            "Stable number: 1 to 8 as in the project's list, from 101 in the order in which CoinMarketCap's came",
            positive(),
        ),
        "provider": text("Whose category it is", one_of(*CATEGORY_PROVIDERS)),
        "external_id": text("The provider's own id of it"),
        "name": text("The provider's name of it"),
        "sector": text(
            "The sector that it belongs to; empty where to none, or where nobody has looked",
            one_of(*SECTORS),
            nullable=True,
        ),
    },
)

CURRENCY_CATEGORY = Table(
    "core.currency_category",
    "Which categories a currency is in, from when to when. A currency that leaves and returns has a row for each stay.",
    grain="currency x category x uninterrupted stay",
    key=("currency_id", "category_id", "valid_from"),
    references={"currency_id": "core.currency.currency_id", "category_id": "core.category.category_id"},
    columns={
        "currency_id": integer("The currency"),
        "category_id": integer("The category"),
        "valid_from": instant("First list of the category's members with it; as the project's own list says"),
        "valid_to": instant("First later list without it; empty while current", nullable=True),
    },
)

MATCHING = (CURRENCY_COINMARKETCAP, UNMATCHED_CURRENCY, UNMATCHED_CURRENCY_CANDIDATE)
CATEGORIES = (CATEGORY, CURRENCY_CATEGORY)

TABLES = (CURRENCY, PAIR, PAIR_HISTORY, PRICE_HISTORY, PRICE_WITHOUT_METADATA, *MATCHING, *CATEGORIES)
