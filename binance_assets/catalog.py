"""All tables of the warehouse, in the order in which they can be created."""

from textwrap import indent

from binance_assets import core, mart, raw, warehouse
from binance_assets.core import tables as _core
from binance_assets.mart import tables as _mart
from binance_assets.raw import tables as _raw
from binance_assets.tables import Table
from binance_assets.warehouse import tables as _warehouse

__all__ = ["LAYERS", "TABLES", "create_statements", "table"]

LAYERS = {
    "raw": raw.__doc__ or "",
    "core": core.__doc__ or "",
    "mart": mart.__doc__ or "",
    "meta": warehouse.__doc__ or "",
}

TABLES: tuple[Table, ...] = (*_warehouse.TABLES, *_raw.TABLES, *_core.TABLES, *_mart.TABLES)

_BY_NAME = {table.name: table for table in TABLES}


def table(name: str) -> Table:
    """The declaration of a table, by its full name such as ``core.pair``."""
    return _BY_NAME[name]


def create_statements() -> str:
    """The text of ``warehouse/schema.sql``: every table with its keys, as the declarations say.

    Views are not in it: each is a model with its own file.
    """
    parts = [
        "-- Made from the declarations in */tables.py by `make docs`; a test compares the two.",
        *(f"create schema {layer};" for layer in LAYERS),
        *(_create_table(table) for table in TABLES if not table.view_of),
    ]
    return "\n\n".join(parts) + "\n"


def _create_table(table: Table) -> str:
    lines = [
        f'"{name}" {table.sql_type(name)}' + ("" if column.nullable else " not null")
        for name, column in table.columns.items()
    ]
    if not table.large:
        lines.append(f"primary key ({_names(table.key)})")
        lines.extend(f"unique ({_names((column,))})" for column in table.unique)
        if table.layer != "mart":  # a dimension is replaced as a whole, which a foreign key to it would forbid
            lines.extend(
                f"foreign key ({_names((column,))}) references {target.rpartition('.')[0]} "
                f"({_names((target.rpartition('.')[2],))})"
                for column, target in table.references.items()
            )
    body = indent(",\n".join(lines), "    ")
    return f"create table {table.name} (\n{body}\n);"


def _names(columns: tuple[str, ...]) -> str:
    return ", ".join(f'"{column}"' for column in columns)
