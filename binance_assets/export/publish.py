"""Publishes the star as Parquet files."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from uuid import uuid4

from duckdb import ColumnExpression, ConstantExpression

from binance_assets.home import Store
from binance_assets.mart import tables
from binance_assets.tables import Table
from binance_assets.warehouse import Connection

WHOLE_UP_TO = 5_000_000
"""Rows up to which a table is published whole."""

WINDOWS = {
    tables.FACT_PRICE.name: timedelta(hours=1),
    tables.FACT_PRICE_MINUTE.name: timedelta(days=2),
    tables.FACT_PRICE_HOUR.name: timedelta(days=30),
}
"""What is published of a larger fact, back from its newest row: what a BI tool can import, and what can be written
anew again and again. All of it is in the warehouse."""


@dataclass(frozen=True)
class PublishedFile:
    """One file of an export."""

    name: str
    rows: int
    bytes: int


def publish(store: Store) -> list[PublishedFile]:
    """Write every table of the star to ``export/``, then ``manifest.json``.

    All files are written whole beside their final place first, so that a failure leaves the last export as it was,
    and a reader with an old file open keeps reading that one.
    """
    store.export.mkdir(parents=True, exist_ok=True)
    staging = store.export / f".{uuid4().hex}"
    staging.mkdir()
    files: list[PublishedFile] = []
    try:
        # Facts first, so that the dimensions know whatever they refer to; between two tables others may write.
        for table in reversed(tables.TABLES):
            with store.warehouse.connect() as connection:
                files.insert(0, _write(connection, store, table, staging))
        manifest = {
            "source": store.source,
            "simulated": store.is_simulated,
            "notice": "SIMULATED prices of the sandbox exchange" if store.is_simulated else None,
            "published_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "files": [vars(file) for file in files],
        }
        (staging / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
        for name in [*(file.name for file in files), "manifest.json"]:
            (staging / name).replace(store.export / name)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return files


def _newest(connection: Connection, table: Table) -> datetime:
    """The newest instant of a fact; the end of the newest sealed day, if no row is open."""
    if connection.count(table.newest_in):
        return connection.newest(table.newest_in, table.time_column or "")
    [(day,)] = connection.rows(
        'select max(date) from meta.sealed_partition where "table" = $table', table=table.newest_in.partition(".")[2]
    )
    return datetime.combine(day, time()) + timedelta(days=1)


def _write(connection: Connection, store: Store, table: Table, folder: Path) -> PublishedFile:
    rows = connection.relation(table.name)
    if table.name in WINDOWS and table.time_column and connection.total(table.newest_in) > WHOLE_UP_TO:
        since = _newest(connection, table) - WINDOWS[table.name]
        rows = rows.filter(ColumnExpression("date") >= ConstantExpression(since.date())).filter(
            ColumnExpression(table.time_column) >= ConstantExpression(since)
        )
    rows.create_view("publication", replace=True)
    path = folder / f"{table.name.partition('.')[2]}.parquet"
    connection.run("export/publish.sql", path=str(path), source=store.source, simulated=str(store.is_simulated).lower())
    with path.open("rb") as stream:
        os.fsync(stream.fileno())
    written = connection.value("select num_rows from parquet_file_metadata($path)", path=str(path))
    return PublishedFile(path.name, int(written), path.stat().st_size)
