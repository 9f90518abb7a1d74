"""The asset of the export layer."""

import dagster as dg

from binance_assets.assets import OWNERS, WRITER_POOL, label
from binance_assets.export.publish import publish
from binance_assets.export.selection import Scope
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
    """The star as files that BI tools read: one Parquet file a table, CSV of the small ones, all as a DuckDB file.

    They are replaced all at once. Minutes are those of the watch list and the newest days, single prices those of the
    newest hour; everything else is there for all time.
    """
    store = home.store
    files = publish(store, Scope.of(home.settings))
    records = [
        dg.TableRecord(
            {
                "file": file.name,
                "rows": file.rows,
                "megabytes": round(file.bytes / 1e6, 2),
                "limited to": (file.window or {}).get("limited_to") or "",
                "path": str(store.export / file.name),
            }
        )
        for file in files
    ]
    return dg.MaterializeResult(
        metadata={
            "folder": dg.MetadataValue.path(str(store.export)),
            "manifest": dg.MetadataValue.path(str(store.export / "manifest.json")),
            "duckdb": dg.MetadataValue.path(str(store.export / "binance.duckdb")),
            "files": dg.MetadataValue.table(records),
            "dagster/row_count": sum(file.rows for file in files if file.name.endswith(".parquet")),
            "source": label(store.source),
        }
    )
