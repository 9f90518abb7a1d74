"""Assets of the archive: one load fills them all."""

from collections.abc import Iterator

import dagster as dg

from binance_assets.archive.load import load_archive
from binance_assets.archive.tables import TABLES
from binance_assets.assets import WRITER_POOL, materialized, table_options
from binance_assets.core.tables import PAIR
from binance_assets.resources import HomeResource


@dg.multi_asset(
    name="load_archive",
    specs=[dg.AssetSpec(**table_options(table), deps=[PAIR.asset_path]) for table in TABLES],
    pool=WRITER_POOL,
)
def load_landed_archive(context: dg.AssetExecutionContext, home: HomeResource) -> Iterator[dg.MaterializeResult]:
    """Load every landed file of the archive that is not loaded yet."""
    store = home.store
    for month in load_archive(store.warehouse, store.landing):
        context.log.info(
            f"{month.month}: {month.files} files, {month.refused} of them refused, {month.defects} findings; "
            f"it has {month.candles} candles"
        )
    with store.warehouse.connect() as connection:
        for table in TABLES:
            yield materialized(connection, table)
