"""Assets of the raw layer: one load fills them all, since a file is loaded whole or not at all."""

from collections.abc import Iterator

import dagster as dg

from binance_assets.assets import WRITER_POOL, materialized, table_options
from binance_assets.raw.load import load
from binance_assets.raw.rebuild import rebuild
from binance_assets.raw.tables import TABLES
from binance_assets.resources import HomeResource


class LoadConfig(dg.Config):
    """``rebuild`` makes a new warehouse from all landing files, and throws the old one away when it is loaded."""

    rebuild: bool = False


@dg.multi_asset(
    name="load_landing",
    specs=[
        dg.AssetSpec(
            **table_options(table),
            deps=[
                ["landing", "exchange_info"],
                ["landing", "ticker_price"],
                ["landing", "kline"],
                ["landing", "coinmarketcap"],
                ["landing", "imported_file"],
            ],
        )
        for table in TABLES
    ],
    pool=WRITER_POOL,
    can_subset=True,  # everything is loaded in any case; only what is selected is told
)
def load_landing(
    context: dg.AssetExecutionContext, config: LoadConfig, home: HomeResource
) -> Iterator[dg.MaterializeResult]:
    """Load every landing file that is not loaded yet."""
    store = home.store
    if config.rebuild:
        rebuild(store.warehouse, store.landing)
    with store.warehouse.connect() as connection:
        loaded = load(connection, store.landing)
        context.log.info(
            f"{loaded.files} landing files: {loaded.captures} captures, {loaded.prices} prices, "
            f"{loaded.refused} refused rows"
        )
        for table in TABLES:
            if dg.AssetKey(table.asset_path) in context.selected_asset_keys:
                yield materialized(connection, table)
