"""The semantic model: which tables and columns of the export it has, how they are shown, and how they are related."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cache

from binance_assets.export import contract
from binance_assets.powerbi.measures import CHANGE, COUNT, INSTANT, ONE_DECIMAL, PRICE, SHARE
from binance_assets.tables import Table

LEFT_OUT = {
    "fact_price": "a million rows an hour, of which a report shows none by itself",
    "fact_price_hour": "thirty million rows a year: more than one wants to import to look at days",
}
"""Exported tables that the model does not have, and why."""

DATE_TABLE = "dim_date"

_SORTED_BY = {
    "dim_date.month_name": "month",
    "dim_date.weekday_name": "iso_weekday",
    "fact_price_latest.price_band": "price_band_order",
}
"""Texts whose order is not that of the alphabet."""

_FORMATS = {"DATE": "yyyy-mm-dd", "TIMESTAMP": INSTANT}
_MEASURED_IN = {
    "basis points": ONE_DECIMAL,
    "min": COUNT,
    "s": COUNT,
    "quote currency": PRICE,
    "base currency": PRICE,
    "USDT": PRICE,
    "follows_code": PRICE,
}
_FOLLOWED = {"dim_pair.base_currency_key"}
"""Of several references of a table to another, that which filters follow: a pair is asked for by what is priced."""

_BOTH_WAYS = {"bridge_currency_category.currency_key"}
"""References that filters also follow from the many rows to the one: from a category to its currencies."""

_ROWS = {"bridge_currency_category": "[valid_to] = #datetime(9999, 12, 31, 0, 0, 0)"}
"""Tables of which not all rows are imported: a category shall filter the currencies that are in it now."""

_SHARES = {"coverage", "completeness"}
_CHANGES = {"change", "mean_change", "median_change"}


@dataclass(frozen=True)
class ModelColumn:
    """A column: of the exported file, or with ``dax`` one that the model computes when it is refreshed."""

    name: str
    type: str
    description: str
    format: str | None = None
    is_hidden: bool = False
    is_key: bool = False
    sorted_by: str | None = None
    dax: str | None = None


@dataclass(frozen=True)
class ModelTable:
    """A table, read from the Parquet file of its name. ``rows`` says in M which of its rows, if not all."""

    name: str
    description: str
    columns: tuple[ModelColumn, ...]
    rows: str | None = None

    @property
    def is_date_table(self) -> bool:
        """Whether time intelligence goes by it."""
        return self.name == DATE_TABLE

    @property
    def is_hidden(self) -> bool:
        """Whether it only leads filters from one table to another."""
        return self.name.startswith("bridge_")

    @property
    def imported(self) -> tuple[ModelColumn, ...]:
        """The columns that come from the file."""
        return tuple(column for column in self.columns if column.dax is None)


@dataclass(frozen=True)
class Relationship:
    """Many rows of ``table`` to the one of ``target``; a filter goes from the one to the many, or ``both_ways``."""

    table: str
    column: str
    target: str
    target_column: str
    is_active: bool
    both_ways: bool


_COMPUTED = {
    "fact_price_minute": (
        ModelColumn(
            "is_newest_48_hours",
            "BOOLEAN",
            "Whether it is one of the 2,880 minutes up to its pair's newest: as many as a line is drawn of, point by "
            "point.",
            dax="fact_price_minute[minute_utc] > CALCULATE(MAX(fact_price_minute[minute_utc]), "
            "ALLEXCEPT(fact_price_minute, fact_price_minute[pair_key])) - 2",
        ),
    ),
    "fact_parity_hour": (
        ModelColumn(
            "parity",
            "VARCHAR",
            "What is compared with what: the kind, the currency, and the one that it follows",
            dax='fact_parity_hour[kind] & ": " & fact_parity_hour[code] & " / " & fact_parity_hour[follows_code]',
        ),
    ),
}


@cache
def tables() -> tuple[ModelTable, ...]:
    """The tables, in the order of the export."""
    return tuple(
        ModelTable(name, table.description, (*_columns(table), *_COMPUTED.get(name, ())), _ROWS.get(name))
        for name, table in contract.TABLES.items()
        if name not in LEFT_OUT
    )


@cache
def relationships() -> tuple[Relationship, ...]:
    """The references of the tables. Where a table refers twice to another, at most one is followed by itself."""
    found: list[Relationship] = []
    names = {table.name for table in tables()}
    for name in names:
        references = {column: target.split(".")[1:] for column, target in contract.TABLES[name].references.items()}
        times = Counter(target for target, _ in references.values())
        found.extend(
            Relationship(
                name,
                column,
                target,
                target_column,
                times[target] == 1 or f"{name}.{column}" in _FOLLOWED,
                f"{name}.{column}" in _BOTH_WAYS,
            )
            for column, (target, target_column) in references.items()
            if target in names
        )
    return tuple(sorted(found, key=lambda one: (one.table, one.column)))


def _columns(table: Table) -> list[ModelColumn]:
    """The columns of a table. Exact digits are only of use where rows are looked at one by one: in small tables."""
    own = f"{table.bare_name}."
    sorted_by = {name.removeprefix(own): by for name, by in _SORTED_BY.items() if name.startswith(own)}
    keys = {column for column in table.columns if column.endswith("_key")}
    exact = {column.name for column in contract.columns(table) if column.name != column.of}
    return [
        ModelColumn(
            column.name,
            column.type,
            column.description + (f" ({column.unit})" if column.unit else ""),
            _format(column),
            is_hidden=column.name in keys | exact | set(sorted_by.values()),
            is_key=(table.bare_name, column.name) == (DATE_TABLE, "date_utc"),
            sorted_by=sorted_by.get(column.name),
        )
        for column in contract.columns(table)
        if not (table.large and column.name in exact)
    ]


def _format(column: contract.Column) -> str | None:
    if column.name in _SHARES:
        return SHARE
    if column.name in _CHANGES:
        return CHANGE
    if column.type in {"INTEGER", "BIGINT"}:
        return COUNT if column.name.endswith(("_count", "_minutes", "_hours")) else "0"
    return _FORMATS.get(column.type) or _MEASURED_IN.get(column.unit or "")
