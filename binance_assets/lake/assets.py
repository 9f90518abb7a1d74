"""The asset of the lake: days that are sealed."""

import dagster as dg

from binance_assets import lake
from binance_assets.assets import OWNERS, WRITER_POOL, label
from binance_assets.catalog import SEALED
from binance_assets.lake.retention import drop_landed_files
from binance_assets.resources import HomeResource


@dg.asset(
    key=["lake", "sealed_day"],
    group_name="lake",
    kinds={"parquet", "file"},
    owners=OWNERS,
    deps=[table.asset_path for table in SEALED],
    pool=WRITER_POOL,
)
def sealed_day(context: dg.AssetExecutionContext, home: HomeResource) -> dg.MaterializeResult:
    """Days that are over, one Parquet partition for each table, compared with the rows that they replace."""
    store = home.store
    with store.warehouse.connect() as connection:
        days = lake.sealable_days(connection)
    partitions = []
    for day in days:
        try:
            partitions += lake.seal(store.warehouse, day)
        except lake.NotSealed as reason:
            context.log.warning(str(reason))
    dropped = drop_landed_files(store.warehouse, store.landing, home.settings.landing_days)
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": sum(partition.rows for partition in partitions),
            "partitions": dg.MetadataValue.table(
                [
                    dg.TableRecord({"table": it.table, "day": str(it.day), "rows": it.rows, "bytes": it.bytes})
                    for it in partitions
                ]
            )
            if partitions
            else "none",
            "landing_files_dropped": dropped,
            "source": label(store.source),
        }
    )
