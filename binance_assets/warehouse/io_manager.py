"""dagster-duckdb-pandas, made safe for tables that must never be lost.

As it comes, its I/O manager deletes the old rows and inserts the new ones by position in two separate commits, so a
frame with reordered columns swaps their values in silence, and an empty or drifted one costs the table; a failure
leaves the connection, and with it the file's lock, open. Here a frame is checked against its table's declaration
first, and old rows give way to new ones in one transaction, column by name.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import dagster as dg
import duckdb
import pandas as pd
from dagster._core.storage.db_io_manager import DbIOManager, TableSlice
from dagster_duckdb.io_manager import DuckDbClient
from dagster_duckdb_pandas import DuckDBPandasIOManager, DuckDBPandasTypeHandler
from pandera.errors import SchemaErrors
from pydantic import Field

from binance_assets.assets import label
from binance_assets.catalog import table
from binance_assets.resources import HomeResource
from binance_assets.warehouse import Warehouse


class RefusedFrame(Exception):
    """A frame is not what its table's declaration says; the table still holds its last good rows."""


class WarehouseClient(DuckDbClient):
    """Opens the project's warehouse: one transaction for deletion and insertion, closed whatever happens."""

    def __init__(self, warehouse: Warehouse) -> None:
        self.warehouse = warehouse

    @contextmanager
    def connect(  # type: ignore[override]  # static in the base class, which knows its file by the context
        self, context: dg.OutputContext | dg.InputContext, table_slice: TableSlice
    ) -> Iterator[duckdb.DuckDBPyConnection]:
        """The connection of one write or read."""
        with self.warehouse.transaction() as connection:
            yield connection.duck

    @staticmethod
    def ensure_schema_exists(context: dg.OutputContext, table_slice: TableSlice, connection: Any) -> None:
        """The warehouse makes its own schemas."""


class WarehousePandasTypeHandler(DuckDBPandasTypeHandler):
    """Writes a frame only if it is what the table's declaration says, and by column name."""

    def __init__(self, source: str) -> None:
        self.source = source

    def handle_output(
        self, context: dg.OutputContext, table_slice: TableSlice, obj: pd.DataFrame, connection: Any
    ) -> None:
        """Check the frame, then insert it.

        Raises:
            RefusedFrame: It would empty the table, or breaks the declaration. The transaction is rolled back.
        """
        name = f"{table_slice.schema}.{table_slice.table}"
        if obj.empty:
            # Another cursor is outside of this transaction, and still sees the rows that it has deleted.
            [(lost,)] = connection.cursor().table(name).count("*").fetchall()
            if lost:
                raise RefusedFrame(f"{name} would become empty. Its last {lost} good rows are kept.")
        try:
            frame = table(name).schema.validate(obj, lazy=True)
        except SchemaErrors as error:
            cases = error.failure_cases[["column", "check", "failure_case", "index"]]
            raise RefusedFrame(
                f"{name} would break its declaration; its last good rows are kept.\n{cases.head(20).to_string()}"
            ) from error
        connection.from_df(frame).select(*table(name).columns).insert_into(name)
        context.add_output_metadata({"dagster/row_count": len(frame), "source": label(self.source)})


class WarehouseIOManager(DuckDBPandasIOManager):
    """The I/O manager of the small frames. Its database is the warehouse of the run's store.

    ``source`` means the same as in :class:`HomeResource`.
    """

    database: str = ""
    source: str = Field(default="", pattern="^(live|sandbox)?$")

    def create_io_manager(self, context: dg.InitResourceContext) -> DbIOManager:
        """Bind it to the warehouse of the run's store."""
        warehouse = HomeResource(source=self.source).store.warehouse
        return DbIOManager(
            db_client=WarehouseClient(warehouse),
            database=str(warehouse.path),
            type_handlers=[WarehousePandasTypeHandler(warehouse.source)],
            default_load_type=pd.DataFrame,
            io_manager_name="WarehouseIOManager",
        )
