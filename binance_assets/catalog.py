"""All tables of the warehouse, in the order in which they can be created."""

from collections.abc import Sequence
from datetime import date, timedelta
from itertools import groupby
from textwrap import indent

from binance_assets import core, mart, raw, warehouse
from binance_assets.archive import tables as _archive
from binance_assets.core import tables as _core
from binance_assets.mart import tables as _mart
from binance_assets.raw import tables as _raw
from binance_assets.tables import Table, sql_type_of
from binance_assets.warehouse import tables as _warehouse

__all__ = ["LAYERS", "SEALED", "TABLES", "create_statements", "lake_view", "lake_views", "month_view", "table"]

LAYERS = {
    "raw": raw.__doc__ or "",
    "core": core.__doc__ or "",
    "mart": mart.__doc__ or "",
    "meta": warehouse.__doc__ or "",
}

TABLES: tuple[Table, ...] = (
    *_warehouse.TABLES,
    *_archive.META,
    *_raw.TABLES,
    *_core.TABLES,
    *_archive.TABLES,
    *_mart.TABLES,
)

SEALED: tuple[Table, ...] = tuple(table for table in TABLES if table.lake_order)
"""The tables whose days are sealed."""

_BY_NAME = {table.name: table for table in TABLES}


def table(name: str) -> Table:
    """The declaration of a table, by its full name such as ``core.pair``."""
    return _BY_NAME[name]


def create_statements() -> str:
    """The text of ``warehouse/schema.sql``: every table with its keys, as the declarations say.

    Views are not in it: those over open and sealed days are in ``warehouse/lake.sql``, each other in its own file.
    """
    parts = [
        "-- Made from the declarations in */tables.py by `make docs`; a test compares the two.",
        *(f"create schema {layer};" for layer in (*LAYERS, "open", "lake")),
        *(_create_table(table) for table in TABLES if not (table.view_of or table.is_monthly)),
    ]
    return "\n\n".join(parts) + "\n"


def lake_views() -> str:
    """The text of ``warehouse/lake.sql``: the views over what is in the lake, as long as nothing is."""
    parts = [
        "-- Made from the declarations in */tables.py by `make docs`; a test compares the two.",
        *(lake_view(table, ()) for table in SEALED),
        *(month_view(table, ()) for table in TABLES if table.is_monthly),
    ]
    return "\n\n".join(parts) + "\n"


def _create_table(table: Table) -> str:
    columns = table.stored_columns
    lines = [
        f'"{name}" {sql_type_of(column)}' + ("" if column.nullable else " not null") for name, column in columns.items()
    ]
    if not table.large:
        lines.append(f"primary key ({_names(table.key)})")
        lines.extend(f"unique ({_names((column,))})" for column in table.unique)
        if table.layer != "mart":  # a dimension is replaced as a whole, which a foreign key to it would forbid
            lines.extend(
                f"foreign key ({_names((column,))}) references {target.rpartition('.')[0]} "
                f"({_names((target.rpartition('.')[2],))})"
                for column, target in table.references.items()
                if not _BY_NAME[target.rpartition(".")[0]].is_view
            )
    body = indent(",\n".join(lines), "    ")
    return f"create table {table.open_name} (\n{body}\n);"


def lake_view(table: Table, days: Sequence[date]) -> str:
    """The statement that makes a sealed table's view over its open rows and the partitions of these days, in order.

    The days stand in it as literals: DuckDB then sees before it reads anything which files are meant, which it does not
    if they come from a join. Both halves name their columns, so that a lake of other declarations is refused.
    """
    name = f"lake.{table.bare_name}" if table.stored else table.name
    columns = [*table.stored, "date"] if table.stored else list(table.columns)
    sealed = ",\n".join(f'    "{column}"' for column in columns)
    opened = sealed.replace('    "date"', f'    "{table.time_column}"::date as "date"')
    spans = [f"\"date\" between date '{first}' and date '{last}'" for first, last in _spans(days)]
    return f"""\
create or replace view {name} as
select
{opened}
from {table.open_name}
union all
select
{sealed}
from
    read_parquet(
        'lake/{table.bare_name}/*/data.parquet', hive_partitioning = true, hive_types = {{ 'date': date }}
    )
where {" or ".join(spans) or "false"};"""  # noqa: S608 - made of declarations and of days, not of data


def month_view(table: Table, partitions: Sequence[str]) -> str:
    """The statement that makes a monthly table's view over these partitions, which stand in it as literals, too.

    They are in order. Each year is a branch that says which days it has, and each file has the days of its rows as a
    column. So a query that filters by ``date`` looks into the files of the years that it names, and reads those of its
    months: DuckDB does not see from a day which month is meant, and would look into all files.
    """
    if not partitions:
        columns = ",\n".join(f'    null::{table.sql_type(name)} as "{name}"' for name in table.columns)
        return f"create or replace view {table.name} as\nselect\n{columns}\nwhere false;"
    columns = ",\n".join(f'    "{name}"' for name in table.columns)
    branches = []
    for year, of_year in groupby(partitions, lambda partition: partition.partition("month=")[2][:4]):
        files = ",\n".join(f"            '{partition}'" for partition in of_year)
        branches.append(f"""\
select
{columns}
from
    read_parquet(
        [
{files}
        ],
        hive_partitioning = true, hive_types = {{ 'month': varchar }}
    )
where "date" between date '{year}-01-01' and date '{year}-12-31'""")  # noqa: S608 - made of declarations and of hashes
    return f"create or replace view {table.name} as\n" + "\nunion all\n".join(branches) + ";"


def _spans(days: Sequence[date]) -> list[tuple[date, date]]:
    """Days in order as runs without a gap: first and last of each."""
    spans: list[tuple[date, date]] = []
    for day in days:
        if spans and day - spans[-1][1] == timedelta(days=1):
            spans[-1] = (spans[-1][0], day)
        else:
            spans.append((day, day))
    return spans


def _names(columns: tuple[str, ...]) -> str:
    return ", ".join(f'"{column}"' for column in columns)
