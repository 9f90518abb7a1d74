"""Assets of the core layer."""

from collections.abc import Iterator

import dagster as dg

from binance_assets.assets import WRITER_POOL, materialized, table_options
from binance_assets.core import models, tables
from binance_assets.resources import HomeResource


@dg.asset(**table_options(tables.CURRENCY), deps=[["raw", "symbol"]], pool=WRITER_POOL)
def currency(home: HomeResource) -> dg.MaterializeResult:
    """Add the currencies that metadata names for the first time."""
    with home.store.warehouse.connect() as connection:
        models.load_currencies(connection)
        return materialized(connection, tables.CURRENCY)


@dg.asset(**table_options(tables.PAIR), deps=[["raw", "symbol"], ["core", "currency"]], pool=WRITER_POOL)
def pair(home: HomeResource) -> dg.MaterializeResult:
    """Add the pairs that metadata describes for the first time."""
    with home.store.warehouse.connect() as connection:
        models.load_pairs(connection)
        return materialized(connection, tables.PAIR)


@dg.asset(**table_options(tables.PAIR_HISTORY), deps=[["raw", "exchange_info"], ["core", "pair"]], pool=WRITER_POOL)
def pair_history(home: HomeResource) -> dg.MaterializeResult:
    """Bring the rules of the pairs up to date with the metadata, and tell what has changed."""
    with home.store.warehouse.connect() as connection:
        changes = models.load_pair_history(connection)
        return materialized(
            connection,
            tables.PAIR_HISTORY,
            **changes.counts,
            changes=dg.MetadataValue.table(
                [
                    dg.TableRecord(
                        {
                            "symbol": change["symbol"],
                            "what": change["what"],
                            "from": change["was"],
                            "to": change["is_now"],
                            "when": str(change["changed_at"]),
                        }
                    )
                    for change in changes.newest
                ]
            )
            if changes.newest
            else "none",
        )


@dg.multi_asset(
    name="match_currencies",
    specs=[
        dg.AssetSpec(
            **table_options(table),
            deps=[
                ["raw", "coinmarketcap_coin"],
                ["raw", "coinmarketcap_listing"],
                ["core", "currency"],
                ["core", "pair_history"],
                ["core", "price_history"],
            ],
        )
        for table in tables.MATCHING
    ],
    pool=WRITER_POOL,
)
def match_currencies(home: HomeResource) -> Iterator[dg.MaterializeResult]:
    """Find which coin of CoinMarketCap each currency is; what is not certain is left to review."""
    with home.store.warehouse.connect() as connection:
        models.match_currencies(connection)
        by_method = dict(connection.rows("select method, count(*) from core.currency_coinmarketcap group by method"))
        yield materialized(
            connection,
            tables.CURRENCY_COINMARKETCAP,
            **{method: by_method.get(method, 0) for method in tables.MATCHING_METHODS},
        )
        yield materialized(connection, tables.UNMATCHED_CURRENCY)
        yield materialized(connection, tables.UNMATCHED_CURRENCY_CANDIDATE)


@dg.multi_asset(
    name="load_categories",
    specs=[
        dg.AssetSpec(
            **table_options(table),
            deps=[
                ["raw", "capture"],
                ["raw", "coinmarketcap_category"],
                ["raw", "coinmarketcap_category_coin"],
                ["core", "currency_coinmarketcap"],
            ],
        )
        for table in tables.CATEGORIES
    ],
    pool=WRITER_POOL,
)
def load_categories(home: HomeResource) -> Iterator[dg.MaterializeResult]:
    """Bring the categories and their members up to date, and tell which memberships began and ended."""
    with home.store.warehouse.connect() as connection:
        changes = models.load_categories(connection)
        yield materialized(connection, tables.CATEGORY)
        yield materialized(
            connection,
            tables.CURRENCY_CATEGORY,
            **changes.counts,
            changes=dg.MetadataValue.table(
                [dg.TableRecord({name: str(value) for name, value in row.items()}) for row in changes.newest]
            )
            if changes.newest
            else "none",
        )


@dg.multi_asset(
    name="load_prices",
    specs=[
        dg.AssetSpec(**table_options(table), deps=[["raw", "ticker_price"], ["core", "pair"]])
        for table in (tables.PRICE_HISTORY, tables.PRICE_WITHOUT_METADATA)
    ],
    pool=WRITER_POOL,
)
def load_prices(home: HomeResource) -> Iterator[dg.MaterializeResult]:
    """Store the new prices, exact, by pair."""
    with home.store.warehouse.connect() as connection:
        models.load_prices(connection)
        yield materialized(connection, tables.PRICE_HISTORY)
        yield materialized(connection, tables.PRICE_WITHOUT_METADATA)
