"""What all assets have in common: how a table's declaration becomes what the Dagster UI shows."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import dagster as dg
import pandera.pandas as pa

from binance_assets.tables import Table
from binance_assets.warehouse import Connection

OWNERS = ["team:market-data"]

WRITER_POOL = "warehouse"
"""The pool of one in which every step that writes the warehouse waits for its turn."""


_MINUTES, _HOURS = timedelta(minutes=10), timedelta(hours=3)

FRESH_WITHIN = {
    "raw.ticker_price": _MINUTES,
    "core.price_history": _MINUTES,
    "mart.fact_price_minute": _MINUTES,
    "mart.fact_price_hour": _HOURS,
    "mart.fact_price_day": _HOURS,
    "mart.fact_parity_hour": _HOURS,
    "mart.fact_price_latest": _HOURS,
    "mart.fact_sector_hour": _HOURS,
    "mart.gap": _HOURS,
}
"""How old what was made last may be before the UI calls a table late. The first three are reported each minute."""


CANDLES = "candles"
"""The group of what is landed and loaded by pair, months of candles. It depends on core, which names the pairs: with
the rest of landing and raw, these would stand behind core in the UI."""


def table_options(table: Table, group: str | None = None) -> dict[str, Any]:
    """The arguments of ``dg.asset`` or ``dg.AssetSpec`` that a table's declaration gives; its group is the layer's."""
    limit = FRESH_WITHIN.get(table.name)
    return {
        "key": table.asset_path,
        "description": f"{table.description}\n\nGrain: {table.grain}.",
        "group_name": group or table.layer,
        "kinds": {"duckdb", "view"} if table.is_view else {"duckdb", "table"},
        "owners": OWNERS,
        "freshness_policy": dg.FreshnessPolicy.time_window(fail_window=limit) if limit else None,
        "metadata": {"dagster/table_name": table.name, "dagster/column_schema": column_schema(table)},
    }


def column_schema(table: Table) -> dg.TableSchema:
    """The Columns tab: type, description, unit and constraints of every column, and the table's keys."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name,
                type=table.sql_type(name),
                description=_description(table, name),
                constraints=dg.TableColumnConstraints(
                    nullable=bool(column.nullable),
                    unique=table.key == (name,) or name in table.unique,
                    other=[describe_check(check) for check in column.checks],
                ),
            )
            for name, column in table.columns.items()
        ],
        constraints=dg.TableConstraints(
            other=[
                f"key: {', '.join(table.key)}",
                *(f"{column} is in {target}" for column, target in table.references.items()),
            ]
        ),
    )


def describe_check(check: pa.Check) -> str:
    """A rule of a column in a few words, such as ``greater_than(0)``."""
    statistics = check.statistics or {}
    values = ", ".join(str(value) for name, value in statistics.items() if not name.startswith("include"))
    return f"{check.name}({values})"


def materialized(connection: Connection, table: Table, **metadata: Any) -> dg.MaterializeResult:
    """The result of an asset that filled a table: how many rows it has now, and what else is worth telling."""
    return dg.MaterializeResult(
        asset_key=table.asset_path,
        metadata={
            "dagster/row_count": connection.count(table.newest_in),
            "source": label(connection.value("select source from meta.warehouse")),
            **metadata,
        },
    )


def label(source: str) -> str:
    """A store's source as every materialization and check shows it, so that simulated data says so."""
    return "sandbox (SIMULATED)" if source == "sandbox" else source


def _description(table: Table, column: str) -> str:
    unit = table.unit(column)
    text = table.columns[column].description or ""
    return f"{text} [{unit}]" if unit else text
