"""The semantic model as TMDL, the text format of Power BI projects. Indented by tabs, which have a meaning in it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping

from binance_assets.powerbi.identity import guid
from binance_assets.powerbi.measures import MEASURES, Measure
from binance_assets.powerbi.model import ModelColumn, ModelTable, Relationship, relationships, tables

FOLDER_PARAMETER = "DataFolder"
FOLDER = r"C:\binance\export"
"""What the parameter is until somebody sets it."""

COMPATIBILITY_LEVEL = 1600

_TYPES = {
    "INTEGER": ("int64", "Int64.Type"),
    "BIGINT": ("int64", "Int64.Type"),
    "DOUBLE": ("double", "type number"),
    "BOOLEAN": ("boolean", "type logical"),
    "VARCHAR": ("string", "type text"),
    "DATE": ("dateTime", "type date"),
    "TIMESTAMP": ("dateTime", "type datetime"),
}
"""For each type of the export that of the model, and that of M. A price is never `decimal`, which has four places."""


def files() -> dict[str, str]:
    """The text of each file, by its path in the model's folder ``definition``."""
    return {
        "database.tmdl": f"database\n\tcompatibilityLevel: {COMPATIBILITY_LEVEL}\n",
        "model.tmdl": _model(),
        "expressions.tmdl": _parameter(),
        "relationships.tmdl": "\n".join(map(_relationship, relationships())),
        **{f"tables/{table.name}.tmdl": _table(table) for table in tables()},
    }


def query(table: ModelTable) -> str:
    """The query that reads a table, in M."""
    names = ", ".join(f'"{column.name}"' for column in table.imported)
    types = ", ".join(f'{{"{column.name}", {_TYPES[column.type][1]}}}' for column in table.imported)
    return (
        "let\n"
        f'    Source = Parquet.Document(File.Contents({FOLDER_PARAMETER} & "\\{table.name}.parquet")),\n'
        + (f"    Rows = Table.SelectRows(Source, each {table.rows}),\n" if table.rows else "")
        + f"    Selected = Table.SelectColumns({'Rows' if table.rows else 'Source'}, {{{names}}}),\n"
        f"    Typed = Table.TransformColumnTypes(Selected, {{{types}}})\n"
        "in\n"
        "    Typed"
    )


def parameter_query() -> str:
    """The folder's parameter, in M."""
    return f'"{FOLDER}" meta [IsParameterQuery=true, Type="Text", IsParameterQueryRequired=true]'


def _model() -> str:
    order = json.dumps([FOLDER_PARAMETER, *(table.name for table in tables())])
    references = "\n".join(f"ref table {table.name}" for table in tables())
    # Without its annotation Desktop would make a hidden date table for each column of instants.
    return f"""\
model Model
	culture: en-US
	defaultPowerBIDataSourceVersion: powerBI_V3
	discourageImplicitMeasures
	sourceQueryCulture: en-US
	dataAccessOptions
		legacyRedirects
		returnErrorValuesAsNull

annotation __PBI_TimeIntelligenceEnabled = 0

annotation PBI_QueryOrder = {order}

{references}
"""


def _parameter() -> str:
    return "\n".join(
        [
            "/// The folder with the exported Parquet files, without a backslash at its end",
            f"expression {FOLDER_PARAMETER} = {parameter_query()}",
            f"\tlineageTag: {guid('expression', FOLDER_PARAMETER)}",
            "",
            "\tannotation PBI_ResultType = Text",
            "",
        ]
    )


def _relationship(one: Relationship) -> str:
    lines = [f"relationship {guid('relationship', one.table, one.column)}"]
    if not one.is_active:
        lines.append("\tisActive: false")
    if one.both_ways:
        lines.append("\tcrossFilteringBehavior: bothDirections")
    lines += [f"\tfromColumn: {one.table}.{one.column}", f"\ttoColumn: {one.target}.{one.target_column}", ""]
    return "\n".join(lines)


def _table(table: ModelTable) -> str:
    properties: dict[str, str | None] = {"isHidden": None} if table.is_hidden else {}
    properties["lineageTag"] = guid("table", table.name)
    if table.is_date_table:
        properties["dataCategory"] = "Time"
    blocks = [
        _block(0, f"table {table.name}", table.description, properties),
        *(_measure(measure) for measure in MEASURES if measure.table == table.name),
        *(_column(table, column) for column in table.columns),
        _partition(table),
        "\tannotation PBI_ResultType = Table\n",
    ]
    return "\n".join(blocks)


def _measure(measure: Measure) -> str:
    properties: dict[str, str | None] = {"formatString": measure.format} if measure.format else {}
    properties |= {"displayFolder": measure.folder, "lineageTag": guid("measure", measure.name)}
    # Of several lines, each is further in than the properties.
    lines = measure.dax.splitlines()
    dax = f" {measure.dax}" if len(lines) == 1 else "".join(f"\n\t\t{line}" for line in lines)
    return _block(1, f"measure {_quoted(measure.name)} ={dax}", measure.description, properties)


def _column(table: ModelTable, column: ModelColumn) -> str:
    properties: dict[str, str | None] = {"dataType": _TYPES[column.type][0]}
    if column.is_hidden:
        properties["isHidden"] = None
    if column.is_key:
        properties["isKey"] = None
    if column.format:
        properties["formatString"] = column.format
    properties |= {"lineageTag": guid("column", table.name, column.name), "summarizeBy": "none"}
    if column.dax is None:
        properties["sourceColumn"] = column.name
    if column.sorted_by:
        properties["sortByColumn"] = column.sorted_by
    head = f"column {column.name}" + (f" = {column.dax}" if column.dax else "")
    return _block(1, head, column.description, properties) + "\n\t\tannotation SummarizationSetBy = User\n"


def _partition(table: ModelTable) -> str:
    lines = [f"\tpartition {table.name} = m", "\t\tmode: import", "\t\tsource ="]
    return "\n".join([*lines, *(f"\t\t\t\t{line}" for line in query(table).splitlines()), ""])


def _block(depth: int, head: str, description: str, properties: Mapping[str, str | None]) -> str:
    """An object with its properties; one without a value is a flag."""
    lines: Iterable[str] = [
        f"/// {description}",
        *head.splitlines(),
        *(f"\t{name}" if value is None else f"\t{name}: {value}" for name, value in properties.items()),
    ]
    return "\n".join("\t" * depth + line for line in lines) + "\n"


def _quoted(name: str) -> str:
    return name if re.fullmatch(r"\w+", name) else "'" + name.replace("'", "''") + "'"
