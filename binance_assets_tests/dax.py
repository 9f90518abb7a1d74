"""Measures as SQL over the exported files: the simple forms, read by a DAX parser, with what DAX makes of blanks.

This is no engine of DAX. It says what a measure means under filters of single columns, over the model's relationships,
so that its value can be compared with one that was computed in another way. What it does not know it refuses.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from pbi_parsers import dax
from pbi_parsers.dax.exprs import (
    AddSubExpression,
    ColumnExpression,
    ComparisonExpression,
    DivMulExpression,
    FunctionExpression,
    IdentifierExpression,
    InExpression,
    LiteralNumberExpression,
    LiteralStringExpression,
    LogicalExpression,
    MeasureExpression,
    ReturnExpression,
)

AGGREGATES = {"SUM": "sum", "AVERAGE": "avg", "MIN": "min", "MAX": "max"}
BETWEEN_TWO = {"MIN": "least", "MAX": "greatest"}
ITERATORS = {"SUMX": "sum", "MAXX": "max", "PRODUCTX": "product"}
BLANKS = {
    LiteralNumberExpression: "0",
    LiteralStringExpression: "''",
    FunctionExpression: "false",
    IdentifierExpression: "timestamp '1899-12-30'",
}
"""What a blank is compared as, by what it is compared with; variables are days and instants here."""

LOGICAL = {"&&": "and", "||": "or"}


class NotExpressible(Exception):
    """A form that has no translation here."""


parsed = cache(dax.to_ast)
"""The tree of an expression."""


@dataclass(frozen=True)
class Filter:
    """A condition in SQL on the columns of one table."""

    table: str
    condition: str


Filters = tuple[Filter, ...]


@dataclass(frozen=True)
class Translator:
    """What measures refer to: each other, by name; and of the model, column by column, where each table leads to.

    A filter of a table is one of all that leads to it, and of what leads to these. ``clock`` is in SQL when it is now.
    ``variables`` have their SQL by name: of the measure that is being translated.
    """

    measures: Mapping[str, str]
    relationships: Mapping[tuple[str, str], Sequence[tuple[str, str]]]
    clock: str = "now()"
    variables: Mapping[str, str] = field(default_factory=dict)

    def sql(self, measure: str, filters: Filters = ()) -> str:
        """A scalar query that gives a measure's value under filters."""
        return replace(self, variables={})._scalar(parsed(self.measures[measure]), filters)

    def _scalar(self, node: Any, filters: Filters) -> str:  # noqa: PLR0911 - a form a line
        match node:
            case ReturnExpression():
                known = self
                for one in node.variable_statements:
                    known = replace(
                        known, variables={**known.variables, one.var_name.text: known._scalar(one.statement, filters)}
                    )
                return known._scalar(node.ret, filters)
            case AddSubExpression(left=FunctionExpression(args=[ColumnExpression() as column])) if is_day(column):
                return f"({self._scalar(node.left, filters)} {node.operator.text} {constant(node.right)})"
            case LiteralStringExpression():
                return constant(node)
            case InExpression(array=FunctionExpression(args=[ColumnExpression() as column])):
                refuse(node, node.array.function_name().upper() != "ALL")
                return f"({constant(node.value)} in (select {inside(column)} from {column.table.text}))"
            case FunctionExpression():
                return self._function(node.function_name().upper(), node.args, filters)
            case MeasureExpression():
                return self.sql(node.name.text[1:-1], filters)
            case LiteralNumberExpression():
                return str(node.value.text)
            case AddSubExpression():
                refuse(node, isinstance(node.right, AddSubExpression))  # the parser takes a - b + c for a - (b + c)
                left, right = self._scalar(node.left, filters), self._scalar(node.right, filters)
                result = f"coalesce({left}, 0) {node.operator.text} coalesce({right}, 0)"
                return f"if({left} is null and {right} is null, null, {result})"
            case LogicalExpression():
                left, right = self._scalar(node.left, filters), self._scalar(node.right, filters)
                return f"({left} {LOGICAL[node.operator.text]} {right})"
        raise NotExpressible(str(node))

    def _function(self, name: str, args: Sequence[Any], filters: Filters) -> str:  # noqa: PLR0911 - a form a line
        match name, args:
            case "COUNTROWS", [IdentifierExpression() as table]:
                return f"(select nullif(count(*), 0) {self._rows(table, filters)})"
            case (("SUM" | "AVERAGE" | "MIN" | "MAX"), [ColumnExpression() as column]):
                of = IdentifierExpression(column.table)
                return f"(select {AGGREGATES[name]}({inside(column)}) {self._rows(of, filters)})"
            case (("SUMX" | "MAXX" | "PRODUCTX"), [table, value]):
                return f"(select {ITERATORS[name]}({self._row_value(value)}) {self._rows(table, filters)})"
            case "DIVIDE", [over, under]:
                return f"({self._scalar(over, filters)})::double / nullif({self._scalar(under, filters)}, 0)"
            case "COALESCE", [first, other]:
                return f"coalesce({self._scalar(first, filters)}, {self._scalar(other, filters)})"
            case "IF", [condition, then, *other]:
                otherwise = self._scalar(other[0], filters) if other else "null"
                return f"if({self._scalar(condition, filters)}, {self._scalar(then, filters)}, {otherwise})"
            case "DATEDIFF", [since, until, IdentifierExpression() as unit]:
                return f"date_diff('{unit.name.text}', {self._scalar(since, filters)}, {self._scalar(until, filters)})"
            case "UTCNOW", []:
                return self.clock
            case "HASONEVALUE", [ColumnExpression() as column]:
                rows = self._rows(IdentifierExpression(column.table), filters)
                return f"((select count(distinct {inside(column)}) {rows}) = 1)"
            case "CALCULATE", [value, *conditions]:
                return self._scalar(value, (*filters, *map(self._filter, conditions)))
        raise NotExpressible(f"{name}({', '.join(map(str, args))})")

    def _rows(self, node: Any, filters: Filters) -> str:
        """The rows of a table under filters: of its own columns, or of those of a table that it leads to."""
        match node:
            case FunctionExpression(args=[table, condition]) if node.function_name().upper() == "FILTER":
                return f"{self._rows(table, filters)} and {self._row_condition(condition)}"
            case IdentifierExpression():
                name = node.name.text
                return f"from {name} where {' and '.join(['true', *self._conditions(name, filters)])}"
        raise NotExpressible(str(node))

    def _conditions(self, name: str, filters: Filters, behind: str | None = None) -> list[str]:
        """The conditions that filters are on a table; not those that come by way of the one ``behind`` it."""
        conditions = [one.condition for one in filters if one.table == name]
        for (table, column), targets in self.relationships.items():
            for target, key in targets:
                there = self._conditions(target, filters, name) if table == name and target != behind else []
                if there:
                    conditions.append(f"{column} in (select {key} from {target} where {' and '.join(there)})")
        return conditions

    def _filter(self, node: Any) -> Filter:
        """A condition as an argument of CALCULATE. Without KEEPFILTERS it would undo a slicer's on the same column."""
        match node:
            case FunctionExpression(args=[condition]) if node.function_name().upper() == "KEEPFILTERS":
                [table] = {column.table.text for column in condition.find_all(ColumnExpression)}
                return Filter(table, self._row_condition(condition))
        raise NotExpressible(str(node))

    def _row_condition(self, node: Any) -> str:
        """A condition on one row. A blank compares as 0, an empty text, false, or the day with which DAX begins."""
        match node:
            case ComparisonExpression(left=ColumnExpression() as column, right=right):
                refuse(node, type(right) not in BLANKS)
                other = self._row_value(right) if isinstance(right, IdentifierExpression) else constant(right)
                return f"(coalesce({inside(column)}, {BLANKS[type(right)]}) {node.operator.text} {other})"
            case LogicalExpression():
                left, right = self._row_condition(node.left), self._row_condition(node.right)
                return f"({left} {LOGICAL[node.operator.text]} {right})"
            case FunctionExpression(args=[inner]) if node.function_name().upper() == "NOT":
                return f"(not {self._row_condition(inner)})"
            case FunctionExpression(args=[ColumnExpression() as column]) if node.function_name().upper() == "ISBLANK":
                return f"({inside(column)} is null)"
        raise NotExpressible(str(node))

    def _row_value(self, node: Any) -> str:  # noqa: PLR0911 - a form a line
        """A value of one row."""
        match node:
            case ColumnExpression():
                return inside(node)
            case IdentifierExpression() if node.name.text in self.variables:
                return self.variables[node.name.text]
            case LiteralNumberExpression():
                return str(node.value.text)
            case AddSubExpression(right=right) | DivMulExpression(right=right):
                refuse(node, isinstance(right, AddSubExpression) or node.operator.text == "/")
                return f"({self._row_value(node.left)} {node.operator.text} {self._row_value(right)})"
            case FunctionExpression(args=[inner]) if node.function_name().upper() == "ABS":
                return f"abs({self._row_value(inner)})"
            case FunctionExpression(args=[one, other]) if (name := node.function_name().upper()) in BETWEEN_TWO:
                return f"{BETWEEN_TWO[name]}({self._row_value(one)}, {self._row_value(other)})"
            case FunctionExpression(args=[since, until, IdentifierExpression() as unit]):
                refuse(node, node.function_name().upper() != "DATEDIFF")
                return f"date_diff('{unit.name.text}', {self._row_value(since)}, {self._row_value(until)})"
        raise NotExpressible(str(node))


def constant(node: Any) -> str:
    """A literal."""
    match node:
        case LiteralNumberExpression():
            return str(node.value.text)
        case LiteralStringExpression():
            return "'" + node.value.text[1:-1] + "'"
        case FunctionExpression(args=[]) if node.function_name().upper() in {"TRUE", "FALSE"}:
            return str(node.function_name().lower())
    raise NotExpressible(str(node))


def inside(column: ColumnExpression) -> str:
    """A column's name between its brackets."""
    return f'"{column.column.text[1:-1]}"'


def is_day(column: ColumnExpression) -> bool:
    """Whether it is the column of the date table: a day and a number is a later day, and no day is none."""
    return bool(str(column.column.text) == "[date_utc]")


def refuse(node: object, wrong: bool) -> None:
    if wrong:
        raise NotExpressible(str(node))
