"""Visuals and filters as a report's files (PBIR) describe them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from binance_assets.powerbi.identity import short_id
from binance_assets.powerbi.layout import Place
from binance_assets.powerbi.measures import measure_named

VISUAL_SCHEMA = (
    "https://developer.microsoft.com/json-schemas/fabric/item/report/definition/visualContainer/2.2.0/schema.json"
)

Json = dict[str, Any]

GREATER = 1
"""A kind of comparison in a filter."""

_INK, _MUTED, _PAPER, _LINE = "#1F2933", "#52606D", "#FFFFFF", "#D9DEE4"


@dataclass(frozen=True)
class Field:
    """A column or a measure of the model."""

    table: str
    name: str
    is_measure: bool = False

    def expression(self, source: Mapping[str, str] | None = None) -> Json:
        """The field, of the table that bears its name, or of a filter's ``source`` of it."""
        of = {"Expression": {"SourceRef": source or {"Entity": self.table}}, "Property": self.name}
        return {"Measure" if self.is_measure else "Column": of}

    def projection(self, shown_as: str | None, *, is_level: bool) -> Json:
        """The field as a visual's role has it; of a hierarchy, which Desktop lets one drill into, as its open level."""
        shown = {"displayName": shown_as} if shown_as else {}
        reference = {"queryRef": f"{self.table}.{self.name}", "nativeQueryRef": self.name}
        return {"field": self.expression(), **reference, **shown, **({"active": True} if is_level else {})}


def column(name: str) -> Field:
    """A column, by its table's name and its own, with a dot between them."""
    table, _, own = name.partition(".")
    return Field(table, own)


def measure(name: str) -> Field:
    """A measure, by its name."""
    return Field(measure_named(name).table, name, is_measure=True)


@dataclass(frozen=True)
class Visual:
    """A visual on a page.

    ``roles`` are its fields by the type's names of their roles, each with the name that is shown, or None. ``reading``
    says under the title how to read it, and ``alt`` what there is to see. ``sort`` is a field and whether it descends.
    A table with measures is a `pivotTable`: Desktop has been seen to drop those of a `tableEx` that it did not make.
    """

    type: str
    place: Place
    title: str | None
    alt: str
    roles: Mapping[str, Sequence[tuple[Field, str | None]]]
    reading: str | None = None
    objects: Mapping[str, Json] | None = None
    filters: Sequence[Json] = ()
    sort: tuple[Field, bool] | None = None

    def document(self, page: str, number: int) -> Json:
        """The visual's file. ``number`` is its place in the order of the page, from 0."""
        visual: Json = {"visualType": self.type}
        if self.roles:
            state = {
                role: {
                    "projections": [
                        field.projection(shown_as, is_level=role in {"Category", "Rows"} or self.type == "slicer")
                        for field, shown_as in fields
                    ]
                }
                for role, fields in self.roles.items()
            }
            visual["query"] = {"queryState": state}
        if self.sort:
            by, descends = self.sort
            direction = "Descending" if descends else "Ascending"
            visual["query"]["sortDefinition"] = {"sort": [{"field": by.expression(), "direction": direction}]}
        if self.objects:
            visual["objects"] = {name: [{"properties": properties}] for name, properties in self.objects.items()}
        visual["visualContainerObjects"] = self._container()
        visual["drillFilterOtherVisuals"] = True
        position = vars(self.place) | {"z": number, "tabOrder": number}
        document: Json = {"$schema": VISUAL_SCHEMA, "name": self.id_on(page), "position": position, "visual": visual}
        if self.filters:
            document["filterConfig"] = {"filters": named(self.filters, self.id_on(page))}
        return document

    def id_on(self, page: str) -> str:
        """Its id: that of its place on the page, and of what it shows."""
        return short_id("visual", page, self.type, f"{self.place.x}", f"{self.place.y}")

    def _container(self) -> Json:
        container: Json = {"general": {"altText": text(self.alt)}}
        if self.type != "textbox":
            container["background"] = {"show": true, "color": color(_PAPER), "transparency": number(0)}
            container["border"] = {"show": true, "color": color(_LINE), "radius": number(6)}
        container["title"] = {"show": false}
        if self.title:
            container["title"] = {
                "show": true,
                "text": text(self.title),
                "fontSize": number(10 if self.type in {"card", "slicer"} else 12),
                "bold": true,
                "fontColor": color(_INK),
                "titleWrap": true,
            }
        if self.reading:
            container["subTitle"] = {
                "show": true,
                "text": text(self.reading),
                "fontSize": number(9),
                "fontColor": color(_MUTED),
                "titleWrap": true,
            }
        return {name: [{"properties": properties}] for name, properties in container.items()}


# Filters


def one_of(field: Field, *values: Json) -> Json:
    """A filter that lets through the rows in which a column has one of these values."""
    condition = {"In": {"Expressions": [field.expression({"Source": "t"})], "Values": [[value] for value in values]}}
    return {"field": field.expression(), "type": "Categorical", "filter": selection(field, condition)}


def compared(field: Field, kind: int, value: Json) -> Json:
    """A filter that lets through where a field, column or measure, compares so with a value."""
    comparison = {"ComparisonKind": kind, "Left": field.expression({"Source": "t"}), "Right": value}
    return {
        "field": field.expression(),
        "type": "Advanced",
        "filter": selection(field, {"Comparison": comparison}),
    }


def not_blank(field: Field) -> Json:
    """A filter that lets through the rows in which a column has a value."""
    comparison = {"ComparisonKind": 0, "Left": field.expression({"Source": "t"}), "Right": literal("null")}
    condition = {"Not": {"Expression": {"Comparison": comparison}}}
    return {"field": field.expression(), "type": "Advanced", "filter": selection(field, condition)}


def highest(field: Field, by: Field, count: int) -> Json:
    """A filter that lets through those values of a column, so many, of which a measure is highest.

    Of the values that are left by the other filters, slicers included.
    """
    of = {"Name": "t", "Entity": field.table, "Type": 0}
    measured = {"Name": "m", "Entity": by.table, "Type": 0}
    query = {
        "Version": 2,
        "From": [of, measured],
        "Select": [field.expression({"Source": "t"}) | {"Name": "field"}],
        "OrderBy": [{"Direction": 2, "Expression": by.expression({"Source": "m"})}],
        "Top": count,
    }
    condition = {
        "In": {"Expressions": [field.expression({"Source": "t"})], "Table": {"SourceRef": {"Source": "subquery"}}}
    }
    subquery = {"Name": "subquery", "Expression": {"Subquery": {"Query": query}}, "Type": 2}
    return {
        "field": field.expression(),
        "type": "TopN",
        "filter": {"Version": 2, "From": [subquery, of], "Where": [{"Condition": condition}]},
    }


def selection(field: Field, condition: Json) -> Json:
    """A condition on one table, in which it is called ``t``."""
    return {
        "Version": 2,
        "From": [{"Name": "t", "Entity": field.table, "Type": 0}],
        "Where": [{"Condition": condition}],
    }


def named(filters: Iterable[Json], owner: str) -> list[Json]:
    """Filters with the names that they need, of what they belong to."""
    return [{"name": short_id("filter", owner, f"{place}"), **one} for place, one in enumerate(filters)]


# Values


def literal(value: str) -> Json:
    """A value as a query has it."""
    return {"Literal": {"Value": value}}


def constant(value: str) -> Json:
    """A value as a property has it."""
    return {"expr": literal(value)}


def text(value: str) -> Json:
    """A text as a property has it."""
    return constant(quoted(value))


def quoted(value: str) -> str:
    """A text between quotes, its own doubled."""
    return "'" + value.replace("'", "''") + "'"


def number(value: float) -> Json:
    """A number as a property has it."""
    return constant(f"{value}D")


def color(value: str) -> Json:
    """A colour as a property has it."""
    return {"solid": {"color": text(value)}}


true, false = constant("true"), constant("false")
