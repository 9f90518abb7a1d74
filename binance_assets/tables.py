"""What a table is: one declaration per table, from which everything else that describes it is made.

The pandera schema inside a :class:`Table` validates frames, gives the rules that run as SQL on large tables
(:mod:`binance_assets.checks`), fills the Columns tab of the Dagster UI, and is printed as ``warehouse/schema.sql``,
``docs/data-dictionary.md`` and the diagrams of ``docs/data-model.md`` (:mod:`binance_assets.docs`).

The declarations themselves stand beside their models, in ``raw/tables.py``, ``core/tables.py`` and ``mart/tables.py``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandera.pandas as pa
from pandera import dtypes
from pandera.engines import pandas_engine

PRICE_TYPE = "decimal(18, 8)"
"""Every price of the exchange that fits this type exactly is stored in it; one that does not is quarantined."""

QUANTITY_TYPE = "decimal(38, 8)"
"""For order-size limits, which overflow a price's type on low-valued currencies."""

COINMARKETCAP = "coinmarketcap"
"""The provider whose own data is published only if a setting says so, since its terms do not allow it otherwise."""


@dtypes.immutable(init=True)
class _Microseconds(pandas_engine.DataType):
    """Instants of microseconds. Pandera's own are of nanoseconds, which end in 2262, before 9999-12-31."""

    def __init__(self) -> None:
        object.__setattr__(self, "type", np.dtype("datetime64[us]"))

    def coerce(self, data_container: Any) -> Any:
        return data_container.astype(self.type)

    def check(self, pandera_dtype: dtypes.DataType, data_container: Any | None = None) -> bool:
        return data_container is not None and bool(data_container.dtype == self.type)

    def __str__(self) -> str:
        return str(self.type)


def _column(
    dtype: Any, sql_type: str, description: str, unit: str | None, nullable: bool, checks: Sequence[pa.Check]
) -> pa.Column:
    return pa.Column(
        dtype,
        checks=list(checks),
        nullable=nullable,
        coerce=True,
        description=description,
        metadata={"sql_type": sql_type, "unit": unit},
    )


def text(description: str, *checks: pa.Check, nullable: bool = False, sql_type: str = "varchar") -> pa.Column:
    """A column of text."""
    return _column(str, sql_type, description, None, nullable, checks)


def integer(description: str, *checks: pa.Check, unit: str | None = None, nullable: bool = False) -> pa.Column:
    """A column of 32-bit integers: keys and counts."""
    return _column("Int32", "integer", description, unit, nullable, checks)


def long_integer(description: str, *checks: pa.Check, unit: str | None = None, nullable: bool = False) -> pa.Column:
    """A column of 64-bit integers: keys that are made of hashes, and counts of candles."""
    return _column("Int64", "bigint", description, unit, nullable, checks)


def flag(description: str, *, nullable: bool = False) -> pa.Column:
    """A column of true and false."""
    return _column("boolean", "boolean", description, None, nullable, ())


def instant(description: str, *checks: pa.Check, nullable: bool = False) -> pa.Column:
    """A column of instants: naive, UTC, microseconds."""
    return _column(_Microseconds(), "timestamp", description, "UTC", nullable, checks)


def day(description: str) -> pa.Column:
    """A column of calendar days, UTC."""
    return _column(pandas_engine.Date(), "date", description, "UTC", False, ())


def number(description: str, *checks: pa.Check, unit: str | None = None, nullable: bool = False) -> pa.Column:
    """A column of doubles: what is computed, and therefore is no exact decimal."""
    return _column("Float64", "double", description, unit, nullable, checks)


def price(description: str, *checks: pa.Check, unit: str = "quote currency", nullable: bool = False) -> pa.Column:
    """A column of exact prices, eight decimals, as the exchange gives them."""
    return _column(pandas_engine.Decimal(18, 8), PRICE_TYPE, description, unit, nullable, checks)


def quantity(description: str, *, unit: str, nullable: bool = False) -> pa.Column:
    """A column of exact amounts that may be larger than a price."""
    return _column(pandas_engine.Decimal(38, 8), QUANTITY_TYPE, description, unit, nullable, ())


def total(description: str, *, unit: str, nullable: bool = False) -> pa.Column:
    """A column of exact sums of prices."""
    return _column(pandas_engine.Decimal(28, 8), "decimal(28, 8)", description, unit, nullable, ())


def licensed(column: pa.Column, *, by: str | None = None) -> pa.Column:
    """Mark a column as CoinMarketCap's own data, which is emptied in what is published.

    In every row, or in those whose column ``by`` names it as the provider.
    """
    column.metadata = {**(column.metadata or {}), "licensed": by or True}
    return column


@dataclass(frozen=True, eq=False)
class Table:
    """One table or view of the warehouse.

    ``name`` is also its asset key (``mart.dim_pair`` is ``mart/dim_pair``) and, in the mart, its exported file.
    ``references`` maps a column to the ``table.column`` that it points to. On a ``large`` table keys are not declared
    to DuckDB, since an index over hundreds of millions of rows costs more than all the rest; they are enforced by
    anti-joins in the transaction that writes, and counted by the checks. A view names the table that its newest rows
    are in.

    A table with a ``lake_order`` is sealed day by day (:mod:`binance_assets.lake`): ``name`` is a view over the open
    days in ``open_name`` and the sealed ones in the lake, where a day is sorted by these columns; if it
    ``is_sorted_by_hour``, by the hour of ``time_column`` first. ``stored`` are its columns there, if they are not the
    view's own. ``stays_open`` is a condition in SQL: rows that meet it are never sealed.

    A table that ``is_monthly`` is in the lake only: a view over one partition a month (:mod:`binance_assets.archive`).

    Where rows of several sources tell of the same, the view ``preferred_in`` has those of the source that counts: these
    are published.

    ``provider_column`` names the column that says whose data a row is: rows of CoinMarketCap, and rows of other tables
    that refer to them, are left out of what is published.
    """

    name: str
    description: str
    grain: str
    key: tuple[str, ...]
    columns: Mapping[str, pa.Column]
    unique: tuple[str, ...] = ()
    references: Mapping[str, str] = field(default_factory=dict)
    large: bool = False
    view_of: str | None = None
    time_column: str | None = None
    lake_order: tuple[str, ...] = ()
    is_sorted_by_hour: bool = False
    stays_open: str | None = None
    stored: Mapping[str, pa.Column] | None = None
    provider_column: str | None = None
    is_monthly: bool = False
    preferred_in: str | None = None

    @property
    def layer(self) -> str:
        """The DuckDB schema that holds it: raw, core or mart."""
        return self.name.partition(".")[0]

    @property
    def bare_name(self) -> str:
        """Its name without the layer."""
        return self.name.partition(".")[2]

    @property
    def open_name(self) -> str:
        """The table that holds the rows of its open days; all of its rows, if it is not sealed."""
        return f"open.{self.bare_name}" if self.lake_order else self.name

    @property
    def newest_in(self) -> str:
        """The table that its newest rows are in: to be counted and looked at without reading sealed days."""
        return self.view_of or self.open_name

    @property
    def stored_columns(self) -> Mapping[str, pa.Column]:
        """The columns of ``open_name``: without the day, which the view gets from the partition."""
        if self.stored or not self.lake_order:
            return self.stored or self.columns
        return {name: column for name, column in self.columns.items() if name != "date"}

    @property
    def is_view(self) -> bool:
        """Whether the name is a view's."""
        return bool(self.view_of or self.lake_order or self.is_monthly)

    @property
    def asset_path(self) -> list[str]:
        """The Dagster asset key."""
        return self.name.split(".")

    @property
    def schema(self) -> pa.DataFrameSchema:
        """The pandera schema of the whole table: exactly these columns, key unique."""
        return pa.DataFrameSchema(
            dict(self.columns),
            name=self.name,
            description=self.description,
            strict=True,
            unique=list(self.key),
        )

    def sql_type(self, column: str) -> str:
        """The DuckDB type of a column."""
        return sql_type_of(self.columns[column])

    def unit(self, column: str) -> str | None:
        """The unit of a column's values, None where they have none."""
        unit = self.properties(column)["unit"]
        return None if unit is None else str(unit)

    def properties(self, column: str) -> dict[str, Any]:
        """What a column says of itself beside its pandera type: ``sql_type`` and ``unit``."""
        properties: dict[str, Any] = self.columns[column].metadata or {}
        return properties


def sql_type_of(column: pa.Column) -> str:
    """The DuckDB type of a declared column."""
    properties: dict[str, Any] = column.metadata or {}
    return str(properties["sql_type"])


def not_negative() -> pa.Check:
    """Zero or more."""
    return pa.Check.ge(0)


def positive() -> pa.Check:
    """More than zero."""
    return pa.Check.gt(0)


def share() -> pa.Check:
    """From 0 to 1."""
    return pa.Check.in_range(0, 1)


def one_of(*values: str) -> pa.Check:
    """One of a closed list of words."""
    return pa.Check.isin(list(values))
