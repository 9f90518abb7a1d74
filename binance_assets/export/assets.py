"""The asset of the export layer."""

import dagster as dg

from binance_assets.assets import OWNERS, WRITER_POOL, label
from binance_assets.export.publish import publish
from binance_assets.mart.tables import TABLES
from binance_assets.resources import HomeResource


@dg.asset(
    key=["export", "parquet"],
    group_name="export",
    kinds={"parquet", "file"},
    owners=OWNERS,
    deps=[table.asset_path for table in TABLES],
    pool=WRITER_POOL,
)
def parquet(home: HomeResource) -> dg.MaterializeResult:
    """The star as Parquet files, one a table, with a manifest. Facts are limited to the newest days."""
    store = home.store
    files = publish(store)
    return dg.MaterializeResult(
        metadata={
            "folder": dg.MetadataValue.path(str(store.export)),
            "files": dg.MetadataValue.table([dg.TableRecord(vars(file)) for file in files]),
            "dagster/row_count": sum(file.rows for file in files),
            "source": label(store.source),
        }
    )
