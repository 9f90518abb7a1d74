"""The command that answers questions in SQL from the export."""

from __future__ import annotations

import csv
import json
import math
import sys
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any

import duckdb
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from binance_assets.cli.common import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_USAGE, Wanted, errors, fail, out, wanted_store
from binance_assets.cli.show import SIMULATED
from binance_assets.export.publish import read_manifest
from binance_assets.export.query import QueryRefused, answer
from binance_assets.export.versions import current

_SHOWN_ROWS = 1000
_AT_ONCE = 10_000


def query(
    question: Annotated[str, typer.Argument(metavar="SQL", help="One statement that reads, in DuckDB's SQL.")],
    source: Wanted = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV, values as they are.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document, for programs.")] = False,
) -> None:
    """Ask the export a question in SQL. It is read only, and nothing else can be reached.

    The tables are those of the export: `show tables` lists them, `describe dim_pair` the columns of one, `summarize
    dim_pair` what is in these. Instants are UTC. A table is shown up to a thousand rows; --csv and --json give all.
    """
    if as_csv and as_json:
        fail("--json and --csv exclude each other.", EXIT_USAGE)
    _, store = wanted_store(source)
    version = current(store.export)
    if version is None:
        fail(f"There is no export in {store.export} yet. `binance-assets run` makes one.", EXIT_FAILED)
    manifest = read_manifest(version)
    if manifest["simulated"]:
        errors.print(SIMULATED)
    try:
        with answer(version, question) as result:
            names = [column[0] for column in result.description or ()]
            if as_csv:
                _print_csv(names, result)
            elif as_json:
                _print_json(names, result, manifest)
            else:
                _print_table(names, result)
    except QueryRefused as error:
        fail(str(error), EXIT_USAGE)
    except duckdb.Error as error:
        fail(str(error), EXIT_FAILED)
    except KeyboardInterrupt:
        fail("Stopped.", EXIT_INTERRUPTED)


def _batches(result: duckdb.DuckDBPyConnection) -> Iterator[list[tuple[Any, ...]]]:
    while rows := result.fetchmany(_AT_ONCE):
        yield rows


def _print_csv(names: Sequence[str], result: duckdb.DuckDBPyConnection) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(names)
    for rows in _batches(result):
        writer.writerows([_text(value) for value in row] for row in rows)


def _print_json(names: Sequence[str], result: duckdb.DuckDBPyConnection, manifest: dict[str, Any]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise QueryRefused(f"Two columns are called {twice[0]}; --json needs one name for each: use `as`.")
    document = {
        **{name: manifest[name] for name in ("source", "simulated", "published_at", "data_until")},
        "columns": names,
        "rows": [dict(zip(names, map(_json, row), strict=True)) for rows in _batches(result) for row in rows],
    }
    sys.stdout.write(json.dumps(document, indent=2, default=_text, ensure_ascii=False) + "\n")


def _print_table(names: Sequence[str], result: duckdb.DuckDBPyConnection) -> None:
    rows = result.fetchall()
    table = Table()
    for number, name in enumerate(names):
        is_number = any(isinstance(row[number], int | float | Decimal) for row in rows[:1])
        table.add_column(escape(name), justify="right" if is_number else "left", overflow="fold")
    for row in rows[:_SHOWN_ROWS]:
        table.add_row(*(escape(_text(value)) for value in row))
    console = out if out.is_terminal else Console(width=100_000)  # a pipe has no width
    console.print(table, highlight=False)
    if len(rows) > _SHOWN_ROWS:
        errors.print(f"These are the first {_SHOWN_ROWS:,} of {len(rows):,} rows; --csv and --json give all.")


def _text(value: object) -> str:
    """A value as text: exact, and without exponents where it is a decimal."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def _json(value: object) -> object:
    """A value that JSON has, or its text; instants as all commands give them, also those with the zone, UTC."""
    if isinstance(value, datetime):
        return f"{value.replace(tzinfo=None).isoformat()}Z"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return [_json(one) for one in value]
    if isinstance(value, dict):
        return {_text(name): _json(one) for name, one in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value
