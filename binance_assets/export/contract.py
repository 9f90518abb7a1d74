"""What readers of the export can rely on: tables, columns in their order, and types from a short list.

It follows from the declarations of the mart. ``docs/export-contract.json`` is this module's text of it, and a change of
it needs a line in ``CHANGELOG.md``; tests hold both to it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from binance_assets.export.tables import PUBLICATION
from binance_assets.mart import tables
from binance_assets.tables import Table

VERSION = 2
"""Raised when a column goes, or changes its name, type or meaning. Columns and tables may be added without."""

TYPES = {
    "integer": "INTEGER",
    "bigint": "BIGINT",
    "double": "DOUBLE",
    "boolean": "BOOLEAN",
    "varchar": "VARCHAR",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
}
"""The exported type for each type of the warehouse: those that every known reader imports as they are meant."""

STAR: Mapping[str, Table] = {table.bare_name: table for table in tables.TABLES}
"""The exported tables of the warehouse, by their names there."""

TABLES: Mapping[str, Table] = {**STAR, PUBLICATION.bare_name: PUBLICATION}
"""All exported tables: the star, and what says of it where it is from."""

SPREADSHEETS: Mapping[str, Table] = {name: table for name, table in TABLES.items() if not table.large}
"""Those that are also exported as CSV: small enough for a spreadsheet."""


@dataclass(frozen=True)
class Column:
    """One exported column: ``of`` is the column of the table that it is made of."""

    name: str
    type: str
    unit: str | None
    description: str
    nullable: bool
    of: str

    @property
    def described(self) -> dict[str, Any]:
        """The column as the manifest describes it."""
        return {name: value for name, value in vars(self).items() if name != "of"}


@cache
def columns(table: Table) -> tuple[Column, ...]:
    """The exported columns of a table, in their order.

    An exact decimal becomes two columns: a double, which tools can calculate with, and ``…_text`` with its digits. A
    ``date`` goes where ``date_key`` says the same.
    """
    found: list[Column] = []
    for name, declared in table.columns.items():
        if name == "date" and "date_key" in table.columns:
            continue
        sql_type, unit, description = table.sql_type(name), table.unit(name), declared.description or ""
        nullable = bool(declared.nullable)
        if sql_type.startswith("decimal"):
            found.append(Column(name, "DOUBLE", unit, description, nullable, name))
            exact = f"{name}, exactly: a plain decimal with eight places"
            found.append(Column(f"{name}_text", "VARCHAR", unit, exact, nullable, name))
        else:
            found.append(Column(name, TYPES[sql_type], unit, description, nullable, name))
    return tuple(found)


def key(table: Table) -> tuple[str, ...]:
    """The columns that tell a table's exported rows apart: not the source, where rows of one are preferred."""
    return tuple(name for name in table.key if not (table.preferred_in and name == "source"))


def contract() -> dict[str, Any]:
    """The contract as data: for each table its columns with their types, its key, and what its columns refer to."""
    described = {
        name: {
            "key": list(key(table)),
            "references": {column: target.removeprefix("mart.") for column, target in table.references.items()},
            "csv": name in SPREADSHEETS,
            "columns": {column.name: column.type for column in columns(table)},
        }
        for name, table in TABLES.items()
    }
    digest = hashlib.sha256(json.dumps(described).encode()).hexdigest()[:12]
    return {"version": VERSION, "digest": digest, "tables": described}
