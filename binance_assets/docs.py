"""Makes the documents that describe the code from the code. `make docs` writes them, a test compares."""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import dedent

import typer

from binance_assets.assets import describe_check
from binance_assets.catalog import LAYERS, TABLES, create_statements, lake_views
from binance_assets.export import contract
from binance_assets.export.selection import Scope
from binance_assets.powerbi import project
from binance_assets.settings import Settings
from binance_assets.tables import Table

ROOT = Path(__file__).parent.parent

_NOTE = "<!-- Made from the code by `make docs`. -->\n\n"


def documents() -> dict[str, str]:
    """The text of every generated file, by its path from the project's root."""
    return {
        "binance_assets/warehouse/schema.sql": create_statements(),
        "binance_assets/warehouse/lake.sql": lake_views(),
        "docs/data-dictionary.md": _data_dictionary(),
        "docs/data-model.md": _data_model(),
        "docs/export-tables.md": _export_tables(),
        "docs/export-contract.json": json.dumps(contract.contract(), indent=2) + "\n",
        "docs/settings.md": _settings(),
        "docs/commands.md": _commands(),
    }


def write() -> None:
    """Write them all."""
    for name, text in documents().items():
        (ROOT / name).write_text(text, encoding="utf-8")
    project.write(ROOT / "powerbi")


def _data_dictionary() -> str:
    parts = [
        f"{_NOTE}# Data dictionary\n\nEvery table of the warehouse, column by column, from the declarations that also "
        "check it. Instants are UTC without a zone; prices are exact decimals unless they are averages.\n"
    ]
    for layer, purpose in LAYERS.items():
        parts.append(f"## {layer}\n\n{purpose.strip().splitlines()[0]}\n")
        parts.extend(_describe(table) for table in TABLES if table.layer == layer)
    return "\n".join(parts)


def _describe(table: Table) -> str:
    lines = [
        f"### {table.name}\n",
        f"{table.description}\n",
        f"- {_kind(table)}. Grain: {table.grain}.",
        f"- Key: {_names(table.key)}.",
    ]
    lines.extend(f"- Unique: {_names((column,))}." for column in table.unique)
    if table.preferred_in:
        lines.append(
            f"- `{table.preferred_in}` has the same columns, and of several sources the row that counts: "
            "[archive.md](archive.md)."
        )
    lines.extend(f"- `{column}` is in `{target}`." for column, target in table.references.items())
    lines.append("\n| column | type | unit | empty | rules | what it is |\n| --- | --- | --- | --- | --- | --- |")
    for name, column in table.columns.items():
        rules = "; ".join(describe_check(check) for check in column.checks)
        cells = [
            f"`{name}`",
            table.sql_type(name),
            table.unit(name) or "",
            "may be" if column.nullable else "never",
            rules.replace("|", "\\|"),
            column.description or "",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _kind(table: Table) -> str:
    if table.lake_order:
        order = ", ".join((*(("hour",) if table.is_sorted_by_hour else ()), *table.lake_order))
        return (
            f"View over the open days in `{table.open_name}` and the sealed ones in `lake/{table.bare_name}/`, one "
            f"Parquet partition a day, sorted by ({order})"
        )
    if table.is_monthly:
        return (
            f"View over the months in `lake/{table.bare_name}/` that `meta.kline_month` names, one Parquet partition a "
            f"month, sorted by ({', '.join(table.key)})"
        )
    return "View" if table.view_of else "Table"


def _data_model() -> str:
    return f"""\
{_NOTE}# Data model

The tables and how they refer to each other. What each column is stands in the [data dictionary](data-dictionary.md).

## Core: third normal form

{_diagram("core")}
`core.price_without_metadata` stands alone: its symbols have no pair yet.

## Mart: the star

{_diagram("mart")}
"""


def _diagram(layer: str) -> str:
    tables = [table for table in TABLES if table.layer == layer]
    lines = ["```mermaid", "erDiagram"]
    for table in tables:
        lines.append(f"    {_bare(table.name)} {{")
        for name in table.columns:
            marks = ["PK"] if name in table.key else []
            marks += ["FK"] if name in table.references else []
            lines.append(f"        {table.sql_type(name).partition('(')[0]} {name} {', '.join(marks)}".rstrip())
        lines.append("    }")
    for table in tables:
        for column, target in table.references.items():
            lines.append(f"    {_bare(target.rpartition('.')[0])} ||--o{{ {_bare(table.name)} : {column}")
    return "\n".join([*lines, "```\n"])


def _export_tables() -> str:
    parts = [
        f"{_NOTE}# Exported tables\n\nEvery column of every table in `export/`, in its order. What holds for all of "
        "them is said in [the export](export.md); for programs the same is in "
        f"[export-contract.json](export-contract.json). Contract {contract.VERSION}.\n"
    ]
    for name, table in contract.TABLES.items():
        kinds = [f"`{name}.parquet`", *([f"`{name}.csv`"] if name in contract.SPREADSHEETS else []), "`binance.duckdb`"]
        limit = Scope().limit_of(table)
        grain = table.grain.removesuffix(" x source") if table.preferred_in else table.grain
        parts.append(
            f"## {name}\n\n{table.description}\n\n- In {', '.join(kinds)}."
            + (f" By default {limit}." if limit else "")
            + f"\n- Grain: {grain}. Key: {_names(contract.key(table))}."
            + "".join(f"\n- `{column}` is in `{_bare(target)}`." for column, target in table.references.items())
        )
        rows = [
            f"| `{column.name}` | {column.type} | {column.unit or ''} | {'may be' if column.nullable else 'never'} | "
            f"{column.description} |"
            for column in contract.columns(table)
        ]
        head = ["", "| column | type | unit | empty | what it is |", "| --- | --- | --- | --- | --- |"]
        parts.append("\n".join([*head, *rows]) + "\n")
    return "\n".join(parts)


def _settings() -> str:
    lines = [
        f"{_NOTE}# Settings",
        "",
        "From the environment, or from a file `.env` in the folder in which a command is called; the environment wins.",
        "A value that makes no sense is refused at the start, with the setting's name.",
        "",
        "| setting | default | what it does |",
        "| --- | --- | --- |",
    ]
    for field in Settings.model_fields.values():
        value = ",".join(field.default) if isinstance(field.default, tuple) else field.default
        default = "" if value in ("", None) else f"`{value}`"
        lines.append(f"| `{field.validation_alias}` | {default} | {field.description} |")
    return "\n".join(lines) + "\n"


def _commands() -> str:
    from binance_assets.cli import app  # noqa: PLC0415 - the others do not need the command line

    group = typer.main.get_command(app)
    parts = [f"{_NOTE}# Commands\n\n{dedent(group.help or '')}\n"]
    with group.make_context("binance-assets", [], resilient_parsing=True) as context:
        for name in group.list_commands(context):  # type: ignore[attr-defined]
            command = group.get_command(context, name)  # type: ignore[attr-defined]
            parts.append(f"## binance-assets {name}\n\n{dedent(command.help or '').strip()}\n")
            rows = []
            for parameter in command.params:
                record = getattr(parameter, "help", None) or ""
                names = ", ".join(f"`{option}`" for option in parameter.opts)
                if parameter.param_type_name == "argument":
                    names = f"`{(parameter.metavar or parameter.name or '').upper()}`"
                rows.append(f"| {names} | {record} |")
            if rows:
                parts.append("\n".join(["| argument or option | meaning |", "| --- | --- |", *rows]) + "\n")
            parts.append(f"{command.epilog}\n")
    return "\n".join(parts)


def _bare(name: str) -> str:
    return name.partition(".")[2]


def _names(columns: tuple[str, ...]) -> str:
    return ", ".join(f"`{column}`" for column in columns)


if __name__ == "__main__":
    write()
