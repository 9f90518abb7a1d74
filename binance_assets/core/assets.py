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
    """Bring the rules of the pairs up to date with the metadata."""
    with home.store.warehouse.connect() as connection:
        models.load_pair_history(connection)
        return materialized(connection, tables.PAIR_HISTORY)


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
