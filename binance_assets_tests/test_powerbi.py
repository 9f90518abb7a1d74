"""The Power BI project: as generated, whole in itself, and about the export as it is. Desktop itself is not here."""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from itertools import accumulate
from pathlib import Path
from typing import Any
from unittest import mock

import duckdb
import jsonschema
import pytest
import requests
from jsonschema.validators import validator_for
from pbi_parsers import dax, pq
from referencing import Registry, Resource
from typer.testing import CliRunner

from binance_assets.cli import app
from binance_assets.export import contract
from binance_assets.export.publish import publish
from binance_assets.home import Store
from binance_assets.landing import Capture
from binance_assets.mart import models as mart
from binance_assets.mart.quality import measure_quality
from binance_assets.powerbi import project
from binance_assets.powerbi.model import LEFT_OUT
from binance_assets.repair import explain_gaps
from binance_assets.sandbox import Sandbox
from binance_assets.sandbox.catalogue import Catalogue, catalogue
from binance_assets.sandbox.exchange import Exchange
from binance_assets.sandbox.market import DEFAULT_SEED, Market
from binance_assets.settings import Settings
from binance_assets_tests.dax import Filter, Translator, parsed
from binance_assets_tests.klines import DAY, ArchiveStore, candles
from binance_assets_tests.pipeline import HOUR, MINUTE, ROOT, SECOND, milliseconds, prices_body

COMMITTED = ROOT / "powerbi"
REPORT = COMMITTED / project.REPORT / "definition"
MODEL = COMMITTED / project.MODEL / "definition"

SCHEMAS = Path(os.environ.get("POWERBI_SCHEMAS") or ROOT.parent / "shared" / "powerbi-schemas")
"""Microsoft's JSON schemas, by their paths on the site that they name."""

SITE = "https://developer.microsoft.com/json-schemas/"

VALIDATOR = Path(os.environ.get("POWERBI_VALIDATOR", "none"))
"""Microsoft's validator of reports, as `.ci/powerbi-validator/install` leaves it."""

Json = dict[str, Any]


# What was committed, as its readers see it

DATA_TYPES = {"int64", "double", "boolean", "string", "dateTime"}
SAID = {
    "column": {
        "dataType": "|".join(DATA_TYPES),
        "formatString": r"\S.*",
        "lineageTag": "[0-9a-f-]{36}",
        "summarizeBy": "none",
        "sourceColumn": r"\w+",
        "sortByColumn": r"\w+",
        "isHidden": "",
        "isKey": "",
    },
    "measure": {"formatString": r"\S.*", "displayFolder": r"\S.*", "lineageTag": "[0-9a-f-]{36}"},
}
"""What may be said of an object, and how: names and values of the schema in Microsoft's TMDL extension for VS Code."""

REST = (
    r"\tisHidden|\tdataCategory: Time|\tpartition \w+ = m|\t\tmode: import|\t\tannotation SummarizationSetBy = User"
    r"|\tannotation PBI_ResultType = Table"
)
"""What else stands in the file of a table."""


@dataclass(frozen=True)
class CommittedTable:
    """A table of the model, as its file says."""

    name: str
    columns: dict[str, dict[str, str]]
    measures: dict[str, str]
    query: str


def committed_table(path: Path) -> CommittedTable:
    """Reads the little TMDL that the project has: objects at one tab, their properties at two, queries at four.

    A measure of several lines has them at three and more. A line that is none of it is an error.
    """
    columns: dict[str, dict[str, str]] = {}
    measures: dict[str, str] = {}
    query: list[str] | None = None
    properties: dict[str, str] = {}
    kind = "column"
    lines = path.read_text(encoding="utf-8").splitlines()
    [name] = [line.removeprefix("table ") for line in lines if line.startswith("table ")]
    for line in lines:
        if found := re.fullmatch(r"\t(column|measure) ('[^']+'|\w+)(?: =(?: (.+))?)?", line):
            kind, own, expression = found[1], found[2].strip("'"), found[3] or ""
            assert own not in (columns if kind == "column" else measures)
            properties = {"dax": expression} if expression else {}
            if kind == "column":
                columns[own] = properties
            else:
                measures[own] = expression
        elif (found := re.fullmatch(r"\t\t(\w+)(?:: (\S.*))?", line)) and found[1] in SAID[kind]:
            assert re.fullmatch(SAID[kind][found[1]], found[2] or ""), line
            properties[found[1]] = found[2] or "yes"
        elif query is not None and line.startswith("\t\t\t\t"):
            query.append(line[4:])
        elif line.startswith("\t\t\t"):
            assert not properties, f"{line} comes after the properties"
            measures[own] += line[3:] + "\n"
        elif line == "\t\tsource =":
            query = []
        else:
            assert re.fullmatch(rf"|\t?/// \S.*|table {name}|\tlineageTag: \S+|{REST}", line), line
    assert lines.count(f"\tpartition {name} = m") == 1
    assert query
    assert all(measures.values())
    return CommittedTable(name, columns, measures, "\n".join(query))


TABLES = {path.stem: committed_table(path) for path in sorted((MODEL / "tables").glob("*.tmdl"))}
MEASURES = {name: text for table in TABLES.values() for name, text in table.measures.items()}


@dataclass(frozen=True)
class Way:
    """A relationship of the model."""

    table: str
    column: str
    target: str
    key: str
    is_active: bool
    both_ways: bool


def relationships() -> list[Way]:
    text = (MODEL / "relationships.tmdl").read_text(encoding="utf-8")
    return [
        Way(*found[3].split("."), *found[4].split("."), not found[1], bool(found[2]))
        for found in re.finditer(
            r"^relationship [\w-]+\n(\tisActive: false\n)?(\tcrossFilteringBehavior: bothDirections\n)?"
            r"\tfromColumn: (\S+)\n\ttoColumn: (\S+)$",
            text,
            re.MULTILINE,
        )
    ]


@cache
def filtered() -> dict[tuple[str, str], list[tuple[str, str]]]:
    """For each column of a table the columns of others whose filters reach it."""
    found: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for way in relationships():
        if way.is_active:
            found.setdefault((way.table, way.column), []).append((way.target, way.key))
            if way.both_ways:
                found.setdefault((way.target, way.key), []).append((way.table, way.column))
    return found


def committed_files() -> list[Path]:
    """All files of the project, without what Desktop keeps for itself in ``.pbi``."""
    generated = {name.partition("/")[0] for name in project.files()}
    return [
        path
        for path in sorted(COMMITTED.rglob("*"))
        if path.is_file() and path.relative_to(COMMITTED).parts[0] in generated and ".pbi" not in path.parts
    ]


def documents() -> dict[Path, Json]:
    """Every file of the project that is JSON."""
    return {
        path: json.loads(path.read_text(encoding="utf-8"))
        for path in committed_files()
        if path.suffix in {".json", ".pbip", ".pbir", ".pbism"} or path.name == ".platform"
    }


def visuals() -> dict[Path, Json]:
    return {path: document for path, document in documents().items() if path.name == "visual.json"}


def fields_in(node: object, aliases: dict[str, str]) -> Iterator[tuple[str, str, str]]:
    """Kind, table and name of every field that a visual or a filter names."""
    if isinstance(node, list):
        for item in node:
            yield from fields_in(item, aliases)
    elif isinstance(node, dict):
        aliases = aliases | {item["Name"]: item["Entity"] for item in node.get("From", ()) if "Entity" in item}
        for kind in ("Column", "Measure"):
            if kind in node:
                source = node[kind]["Expression"]["SourceRef"]
                yield kind, source.get("Entity") or aliases[source["Source"]], node[kind]["Property"]
        for item in node.values():
            yield from fields_in(item, aliases)


# It is what the generator makes


def test_the_committed_project_is_the_generated_one() -> None:
    there = {path.relative_to(COMMITTED).as_posix(): path.read_text(encoding="utf-8") for path in committed_files()}
    assert there == project.files(), "run `make docs`"


def test_the_command_replaces_what_it_once_wrote_and_nothing_else(tmp_path: Path) -> None:
    stale = tmp_path / project.REPORT / "definition" / "pages" / ("0" * 20) / "page.json"
    stale.parent.mkdir(parents=True)
    stale.write_text("{}", encoding="utf-8")
    mine = tmp_path / "mine.pbip"
    mine.write_text("mine", encoding="utf-8")
    result = CliRunner().invoke(app, ["powerbi", "--to", str(tmp_path), "--json"])
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told == {
        "project": str(tmp_path / "BinanceSpot.pbip"),
        "files": len(project.files()),
        "contract_version": contract.VERSION,
    }
    assert not stale.parent.exists(), "the validator takes a folder without its file for an error"
    assert mine.read_text(encoding="utf-8") == "mine"
    for name, text in project.files().items():
        assert (tmp_path / name).read_text(encoding="utf-8") == text


def test_ids_are_unique_and_names_of_folders() -> None:
    tags = re.findall(r"lineageTag: (\S+)", "".join(path.read_text(encoding="utf-8") for path in MODEL.rglob("*.tmdl")))
    assert len(tags) == len(set(tags)) > 100
    names = [document["name"] for path, document in documents().items() if path.name in {"visual.json", "page.json"}]
    assert len(names) == len(set(names))
    for path, document in documents().items():
        if path.name in {"visual.json", "page.json"}:
            assert re.fullmatch("[0-9a-f]{20}", document["name"])
            assert path.parent.name == document["name"]
    order = json.loads((REPORT / "pages" / "pages.json").read_text(encoding="utf-8"))["pageOrder"]
    assert sorted(order) == sorted(path.name for path in (REPORT / "pages").iterdir() if path.is_dir())


# Schemas and validator of Microsoft


@pytest.mark.skipif(
    not SCHEMAS.is_dir(), reason=f"the schemas are not in {SCHEMAS}; POWERBI_SCHEMAS says where they are"
)
def test_every_file_is_what_its_schema_asks_for() -> None:
    def retrieve(address: str) -> Resource[Any]:
        text = (SCHEMAS / address.removeprefix(SITE)).read_text(encoding="utf-8-sig")
        return Resource.from_contents(json.loads(text))

    registry: Registry[Any] = Registry(retrieve=retrieve)  # type: ignore[call-arg]
    validators: dict[str, Any] = {}
    for path, document in documents().items():
        address = document["$schema"]
        if address not in validators:
            schema = registry.get_or_retrieve(address).value.contents
            validators[address] = validator_for(schema)(schema, registry=registry)
        wrong = [f"{error.json_path}: {error.message[:200]}" for error in validators[address].iter_errors(document)]
        assert not wrong, f"{path.relative_to(COMMITTED)}: {wrong}"
    assert len(validators) == 9
    [first, *_] = visuals().values()
    with pytest.raises(jsonschema.ValidationError):
        validators[first["$schema"]].validate(first | {"visuall": {}})


def validated(folder: Path) -> tuple[int, Json]:
    """Exit code and findings of the validator."""
    run = subprocess.run(
        [VALIDATOR, folder / "BinanceSpot.pbip"], stdout=subprocess.PIPE, check=False, text=True, timeout=60
    )
    return run.returncode, json.loads(run.stdout)["data"]


@pytest.mark.skipif(
    not VALIDATOR.is_file(),
    reason="the validator is not here; `.ci/powerbi-validator/install` installs it, and POWERBI_VALIDATOR names it",
)
def test_the_validator_finds_nothing_here_and_what_is_broken_on_purpose(tmp_path: Path) -> None:
    code, told = validated(COMMITTED)
    assert (code, told["result"], told["errorCount"], told["warningCount"]) == (0, "succeeded", 0, 0), told

    def broken(change: Callable[[Json], object]) -> tuple[int, list[str]]:
        folder = tmp_path / change.__name__
        shutil.copytree(COMMITTED, folder)
        path = next(path for path, document in visuals().items() if document["visual"]["visualType"] == "lineChart")
        document = json.loads(path.read_text(encoding="utf-8"))
        change(document)
        (folder / path.relative_to(COMMITTED)).write_text(json.dumps(document), encoding="utf-8")
        code, told = validated(folder)
        return code, list(told["diagnostics"])

    def lacks_a_role(document: Json) -> None:
        del document["visual"]["query"]["queryState"]["Y"]

    def has_an_unknown_property(document: Json) -> None:
        document["visual"]["objects"]["valueAxis"][0]["properties"]["showAxisTitel"] = {}

    def is_off_the_page(document: Json) -> None:
        document["position"]["x"] = 1270

    assert broken(lacks_a_role) == (1, ["PBIR_ROLE_REQUIRED_MISSING"])
    assert broken(has_an_unknown_property) == (1, ["PBIR_FORMATTING_PROP_UNKNOWN"])
    assert broken(is_off_the_page) == (0, ["PBIR_LAYOUT_OUT_OF_BOUNDS_WIDTH"])  # a warning


# The model


def test_every_exported_table_is_in_the_model_or_left_out_for_a_reason() -> None:
    assert TABLES.keys() == contract.TABLES.keys() - LEFT_OUT.keys()
    assert LEFT_OUT.keys() <= contract.TABLES.keys()
    references = re.findall(r"^ref table (\w+)$", (MODEL / "model.tmdl").read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(references) == sorted(TABLES)
    assert [table.name for table in TABLES.values()] == list(TABLES)


def test_measures_have_names_of_their_own_formats_and_descriptions() -> None:
    names = [name.lower() for table in TABLES.values() for name in table.measures]
    assert len(names) == len(set(names)) > 40
    for table in TABLES.values():
        assert not {name.lower() for name in table.measures} & {name.lower() for name in table.columns}
        blocks = (MODEL / "tables" / f"{table.name}.tmdl").read_text(encoding="utf-8").split("\n\n")
        for block in blocks:
            if found := re.search(r"^\t(column|measure) ('[^']+'|\w+)", block, re.MULTILINE):
                assert re.search(r"^\t/// \S", block, re.MULTILINE), f"{table.name}: {found[2]} has no description"
                if found[1] == "measure" and found[2] != "'Source notice'":
                    assert re.search(r"^\t\tformatString: \S", block, re.MULTILINE), found[2]
                    assert re.search(r"^\t\tdisplayFolder: \S", block, re.MULTILINE), found[2]


def test_no_column_is_a_fixed_decimal_and_none_is_summed_by_itself() -> None:
    """TMDL's ``decimal`` has four places: 0.00000710 would be 0."""
    for table in TABLES.values():
        for column in table.columns.values():
            assert column["dataType"] in DATA_TYPES
            assert column["summarizeBy"] == "none"


def test_keys_and_exact_digits_are_hidden_and_one_table_is_the_date_table() -> None:
    for table in TABLES.values():
        for name, column in table.columns.items():
            if name.endswith(("_key", "_text")):
                assert column.get("isHidden"), f"{table.name}.{name}"
    dates = {path.stem for path in (MODEL / "tables").iterdir() if "\tdataCategory: Time" in path.read_text("utf-8")}
    hidden = {path.stem for path in (MODEL / "tables").iterdir() if "\n\tisHidden\n" in path.read_text("utf-8")}
    assert hidden == {"bridge_currency_category"}, "which only leads filters from one table to another"
    keys = {(table.name, name) for table in TABLES.values() for name, it in table.columns.items() if it.get("isKey")}
    assert (dates, keys) == ({"dim_date"}, {("dim_date", "date_utc")})


def test_relationships_are_the_references_of_the_export_over_whole_numbers() -> None:
    expected = {
        (name, column, *target.removeprefix("mart.").split("."))
        for name, table in contract.TABLES.items()
        for column, target in table.references.items()
        if name not in LEFT_OUT
    }
    found = relationships()
    assert {(it.table, it.column, it.target, it.key) for it in found} == expected
    assert len(found) == len(expected) == (MODEL / "relationships.tmdl").read_text("utf-8").count("relationship ")
    for it in found:
        assert TABLES[it.table].columns[it.column]["dataType"] == "int64"
        assert TABLES[it.target].columns[it.key]["dataType"] == "int64"


def test_no_filter_reaches_a_table_in_two_ways() -> None:
    """Desktop refuses a model in which one does."""

    def reached(table: str, behind: str | None = None) -> list[str]:
        """The tables whose filters reach one, each as often as there are ways."""
        there = [other for (name, _), others in filtered().items() if name == table for other, _ in others]
        return [name for other in there if other != behind for name in (other, *reached(other, table))]

    for name in TABLES:
        assert set(Counter(reached(name)).values()) <= {1}, name
    assert {"dim_pair", "dim_currency", "bridge_currency_category", "dim_category"} <= set(reached("fact_price_day"))
    assert {(it.table, it.column) for it in relationships() if not it.is_active} == {
        ("dim_pair", "quote_currency_key"),
        ("fact_sector_hour", "lowest_pair_key"),
        ("fact_sector_hour", "highest_pair_key"),
    }


def test_dax_parses_and_names_what_there_is() -> None:
    for name, text in MEASURES.items():
        node = parsed(text)
        for column in node.find_all(dax.exprs.ColumnExpression):
            assert column.column.text[1:-1] in TABLES[column.table.text].columns, name
        for measure in node.find_all(dax.exprs.MeasureExpression):
            assert measure.name.text[1:-1] in MEASURES, name
    for table in TABLES.values():
        for column in table.columns.values():
            assert "dax" not in column or dax.to_ast(column["dax"])
    with pytest.raises((AssertionError, ValueError)):
        dax.to_ast("COUNTROWS(dim_pair")


def test_m_parses() -> None:
    """Of long lists two entries, since the parser takes a second for forty; each entry's form is tested below."""
    for table in TABLES.values():
        query = re.sub(r'(\{"\w+", "\w+")[^}]*\}', r"\1}", table.query)
        query = re.sub(r"(\{\{[^}]+\}, \{[^}]+\}).*\}\)", r"\1})", query)
        assert query.count("\n") == (6 if table.name == "bridge_currency_category" else 5)
        pq.to_ast(query)
    expressions = (MODEL / "expressions.tmdl").read_text(encoding="utf-8")
    parameter = re.search(r"^expression DataFolder = (.+)$", expressions, re.MULTILINE)
    assert parameter
    pq.to_ast(parameter[1])
    with pytest.raises((AssertionError, ValueError)):
        pq.to_ast(TABLES["dim_time"].query.replace("}})", "})"))


# The report


def test_every_field_of_every_visual_and_filter_is_in_the_model() -> None:
    used = set()
    for path, document in documents().items():
        for kind, table, name in fields_in(document, {}):
            there = TABLES[table].columns if kind == "Column" else TABLES[table].measures
            assert name in there, f"{path}: {table}.{name}"
            used.add((table, name))
    assert len(used) > 40
    for path, document in visuals().items():
        references = re.findall(r'"queryRef": "([^"]+)"', json.dumps(document))
        named = [f"{table}.{name}" for _, table, name in fields_in(document["visual"].get("query", {}), {})]
        assert set(references) <= set(named), path


def test_every_visual_has_a_place_of_its_own_on_the_page_and_says_what_it_is() -> None:
    for folder in (REPORT / "pages").iterdir():
        if not folder.is_dir():
            continue
        page = json.loads((folder / "page.json").read_text(encoding="utf-8"))
        mine = [document for path, document in visuals().items() if folder in path.parents]
        places = [document["position"] for document in mine]
        for number, place in enumerate(places):
            assert place["x"] >= 0
            assert place["y"] >= 0
            assert place["x"] + place["width"] <= page["width"]
            assert place["y"] + place["height"] <= page["height"]
            for other in places[:number]:
                apart = (
                    place["x"] >= other["x"] + other["width"]
                    or other["x"] >= place["x"] + place["width"]
                    or place["y"] >= other["y"] + other["height"]
                    or other["y"] >= place["y"] + place["height"]
                )
                assert apart, f"two visuals of {page['displayName']} overlap"
        assert sorted(place["tabOrder"] for place in places) == list(range(len(mine)))
        kinds = Counter(document["visual"]["visualType"] for document in mine)
        assert kinds["slicer"] >= 3
        assert '"Property": "Source notice"' in json.dumps(mine), "nothing says whether its prices are real"
        for document in mine:
            container = document["visual"]["visualContainerObjects"]
            assert container["general"][0]["properties"]["altText"]["expr"]["Literal"]["Value"].strip("'")
            if document["visual"]["visualType"] not in {"card", "slicer", "textbox"}:
                assert "text" in container["title"][0]["properties"]
                assert "text" in container["subTitle"][0]["properties"]


ANY = "(choice of a slicer)"


def follows(translator: Translator, kind: str, table: str, name: str, slicer: str) -> bool:
    """Whether a column, or every set of rows that a measure is of, goes by what is chosen of a column of a table."""
    if kind == "Column":
        return slicer in filtering(table)
    return all(ANY in rows for rows in rows_asked_for(translator.sql(name, (Filter(slicer, ANY),))))


def rows_asked_for(query: str) -> Iterator[str]:
    """The queries in a measure's, without those that are in others, and those that only ask for how many values."""
    while (begin := query.find("(select ")) >= 0:
        depths = accumulate({"(": 1, ")": -1}.get(sign, 0) for sign in query[begin:])
        end = begin + next(place for place, depth in enumerate(depths) if not depth)
        if not query.startswith("(select count(distinct", begin):
            yield query[begin:end]
        query = query[end:]


def filtering(table: str) -> set[str]:
    """A table and those whose filters reach it."""
    found = {table}
    while more := {to for (name, _), ways in filtered().items() if name in found for to, _ in ways} - found:
        found |= more
    return found


def test_everything_on_a_page_follows_its_slicers_or_says_that_it_is_of_now() -> None:
    """Each measure does, and of a list without measures the rows, by a column or by a filter of its own.

    The card about the files is of no day and no pair.
    """
    translator = Translator(MEASURES, filtered())
    followed: Counter[bool] = Counter()
    everything = visuals().items()
    for page in (REPORT / "pages").iterdir():
        mine = [document for path, document in everything if page in path.parents]
        slicers = [document for document in mine if document["visual"]["visualType"] == "slicer"]
        for slicer in slicers:
            [(_, table, _)] = set(fields_in(slicer["visual"]["query"], {}))
            for document in mine:
                shown = set(fields_in(document["visual"].get("query", {}), {}))
                if document in slicers or not shown or ("Measure", "publication", "Source notice") in shown:
                    continue
                own = set(fields_in(document.get("filterConfig", {}), {}))
                measures = {field for field in shown if field[0] == "Measure"}
                follow = {field: follows(translator, *field, table) for field in shown | own}
                does = all(follow[it] for it in measures) if measures else any(follow.values())
                title = document["visual"]["visualContainerObjects"]["title"][0]["properties"]["text"]["expr"]
                says_not = table == "dim_date" and bool(re.search(r"\bnow\b", title["Literal"]["Value"]))
                assert does != says_not, f"{title} and the slicer of {table}: {follow}"
                followed[does] += 1
    assert followed[True] > 100
    assert followed[False] == 1


def test_a_table_with_measures_is_a_matrix() -> None:
    """Of a `tableEx` that it did not make, Desktop has been seen to show the columns and drop the measures."""
    tables = [document["visual"] for document in visuals().values() if "tableEx" in document["visual"]["visualType"]]
    assert tables
    assert not [
        kind for table in tables for kind, *_ in fields_in(table["query"]["queryState"], {}) if kind != "Column"
    ]


def test_the_minutes_are_those_of_48_hours_and_its_gaps_stay() -> None:
    [page] = [
        path.parent
        for path, document in documents().items()
        if path.name == "page.json" and document["displayName"] == "Minute averages"
    ]
    filters = json.loads((page / "page.json").read_text(encoding="utf-8"))["filterConfig"]["filters"]
    assert [name for _, _, name in fields_in(filters[0]["field"], {})] == ["is_newest_48_hours"]
    column = TABLES["fact_price_minute"].columns["is_newest_48_hours"]
    newest = "MAX(fact_price_minute[minute_utc]), ALLEXCEPT(fact_price_minute, fact_price_minute[pair_key])"
    assert column["dax"] == f"fact_price_minute[minute_utc] > CALCULATE({newest}) - 2", "the newest of its pair"
    mine = [document["visual"] for path, document in visuals().items() if page in path.parents]
    [roles] = [visual["query"]["queryState"] for visual in mine if visual["visualType"] == "lineChart"]
    tips = {name for _, _, name in fields_in(roles["Tooltips"], {})}
    assert [name for _, _, name in fields_in(roles["Y"], {})] == ["Average price"]
    assert "Minute coverage" in tips, "without any value in a gap, its minute would not be asked for"


# The data: a real export of the sandbox


NIGHT = datetime(2025, 6, 2, 22)  # noqa: DTZ001 - the sandbox's listing is complete by then
PRICES = "/api/v3/ticker/price"
PEGGED = "USDCUSDT"
OVER_MIDNIGHT = "XRPUSDT"
WATCHED = Settings.model_fields["watch_list"].default


@dataclass(frozen=True)
class Exported:
    """A store of the sandbox, and its export with a view for each file."""

    store: Store
    pipeline: ArchiveStore
    duck: duckdb.DuckDBPyConnection


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exported]:
    """Three hours around a midnight, minute by minute.

    There is an outage, a pair that is not in some answers, one in none around midnight, and one that stays away; a peg
    that does not hold, and a day of candles, with which the sampled prices agree at first.
    """
    currencies, pairs = catalogue(DEFAULT_SEED)
    few = {*WATCHED, PEGGED, OVER_MIDNIGHT}
    chosen = tuple(
        pair for place, pair in enumerate(pairs) if place % 80 == 0 or pair.symbol in few or pair.base.follows
    )
    with mock.patch("binance_assets.sandbox.market.catalogue", return_value=Catalogue(currencies, chosen)):
        market = Market(DEFAULT_SEED)
    pipeline = ArchiveStore(tmp_path_factory.mktemp("powerbi") / "sandbox", "sandbox")
    now = [NIGHT]
    samples = []
    with Sandbox(clock=lambda: milliseconds(now[0])) as sandbox, requests.Session() as session:
        sandbox._exchange = Exchange(market, 6000)
        info = session.get(f"{sandbox.url}/api/v3/exchangeInfo", timeout=30).content
        for minute in range(180):
            now[0] = NIGHT + minute * MINUTE + SECOND
            prices = {it["symbol"]: it["price"] for it in session.get(f"{sandbox.url}{PRICES}", timeout=30).json()}
            prices["BTCUSDT"] = f"{121 + minute}.00000000" if minute < 20 else prices["BTCUSDT"]
            if 20 <= minute < 24:
                del prices["BTCUSDT"]
            if minute >= 120:
                prices[PEGGED] = "1.02000000"
            if minute >= 150:
                del prices["SOLUSDT"]
            if 115 <= minute < 123:
                del prices[OVER_MIDNIGHT]
            body = prices_body(prices)
            if not 40 <= minute < 48:
                samples.append(Capture("ticker/price", "sandbox", now[0], body, sampling_interval_seconds=60))
    pipeline.landing.land(Capture("exchangeInfo", "sandbox", NIGHT - HOUR, info))
    pipeline.landing.land_minute(samples)
    pipeline.update()
    for number, symbol in enumerate(("BTCUSDT", "BNBUSDT")):
        pipeline.land_candles(symbol, f"{NIGHT:%Y-%m-%d}", candles(NIGHT - 22 * HOUR, number=number))
    pipeline.load_archive()
    with pipeline.warehouse.connect() as connection:
        explain_gaps(connection, None, NIGHT + DAY)
        mart.measure_sectors(connection)
        measure_quality(connection)
    publish(pipeline.store)
    with duckdb.connect() as duck:
        for file in pipeline.store.export.glob("*.parquet"):
            duck.read_parquet(str(file)).create_view(file.stem)
        yield Exported(pipeline.store, pipeline, duck)


def test_every_column_of_the_model_is_in_its_file_with_a_fitting_type(exported: Exported) -> None:
    fitting = {
        "INTEGER": ("int64", "Int64.Type"),
        "BIGINT": ("int64", "Int64.Type"),
        "DOUBLE": ("double", "type number"),
        "BOOLEAN": ("boolean", "type logical"),
        "VARCHAR": ("string", "type text"),
        "DATE": ("dateTime", "type date"),
        "TIMESTAMP": ("dateTime", "type datetime"),
    }
    for name, table in TABLES.items():
        file = exported.duck.table(name)
        types = dict(zip(file.columns, map(str, file.types), strict=True))
        imported = {column: it for column, it in table.columns.items() if "dax" not in it}
        assert f'Parquet.Document(File.Contents(DataFolder & "\\{name}.parquet"))' in table.query
        [selected] = re.findall(r"Table\.SelectColumns\(\w+, \{([^}]+)\}\)", table.query)
        [typed] = re.findall(r"Table\.TransformColumnTypes\(Selected, \{(.+)\}\)", table.query)
        assert re.findall(r'"(\w+)"', selected) == list(imported)
        assert re.findall(r'\{"(\w+)", ([\w.]+(?: \w+)?)\}', typed) == [
            (column, fitting[types[column]][1]) for column in imported
        ]
        for column, it in imported.items():
            assert it["sourceColumn"] == column
            assert it["dataType"] == fitting[types[column]][0], f"{name}.{column}"


def test_relationships_join_without_orphans_and_their_one_sides_are_unique(exported: Exported) -> None:
    for way in relationships():
        table, column, target, key = way.table, way.column, way.target, way.key
        one_side = f"select count({key}), count(distinct {key}) from {target}"
        [(rows, different)] = exported.duck.execute(one_side).fetchall()
        assert rows == different > 0, f"{target}.{key} is not unique"
        orphans = exported.duck.execute(
            f"select distinct {column} from {table} where {column} is not null "
            f"and {column} not in (select {key} from {target})"
        ).fetchall()
        assert orphans == [], f"{table}.{column}"
        assert table == "gap" or not exported.duck.execute(f"from {table} where {column} is null").fetchall()
    used = {way.table for way in relationships()}
    assert not [table for table in used if not exported.duck.execute(f"from {table} limit 1").fetchall()], "no rows"


def test_a_column_that_sorts_another_has_one_value_for_each_of_its(exported: Exported) -> None:
    found = 0
    for name, table in TABLES.items():
        for column, it in table.columns.items():
            if by := it.get("sortByColumn"):
                found += 1
                assert by in table.columns
                assert not exported.duck.execute(
                    f"select {column} from {name} group by {column} having count(distinct {by}) > 1"
                ).fetchall()
    assert found == 3


CLOCK = "timestamp '2025-06-03 01:30:29'"
"""When it is, for what goes by the clock: half an hour after the last sample."""

PAIRED = " join mart.dim_pair using (pair_key)"
FROM = {
    "dim_pair": "mart.dim_pair",
    "latest": "mart.fact_price_latest" + PAIRED,
    "minute": f"(select * from mart.price_minute{PAIRED} where list_contains($watched, symbol))",
    "day": "mart.price_day" + PAIRED,
    "sector": "mart.fact_sector_hour",
    "parity": "mart.fact_parity_hour" + PAIRED,
    "gap": "mart.gap left join mart.dim_pair using (pair_key)",
    "quality": "mart.fact_quality_day" + PAIRED,
    "capture": "raw.capture",
}
"""The tables of the warehouse that twins are over, exact decimals and all."""

ON_DAYS = "$first_day and $last_day"
"""The chosen days, as keys of dates."""

ONE_PAIR = "if(count(distinct symbol) = 1, {}, null)"
ONE_QUOTE = "if(count(distinct quote_code) = 1, {}, null)"
TWINS: dict[str, tuple[str, str]] = {
    "Pairs": ("dim_pair", "count(*)"),
    "Trading pairs": ("dim_pair", "count(*) filter (is_trading)"),
    "Halted or delisted pairs": ("dim_pair", "count(*) filter (not is_listed or status <> 'TRADING')"),
    "Priced pairs": ("latest", "count(distinct symbol)"),
    "Current prices": ("latest", "count(*) filter (not is_stale)"),
    "Pairs below 1": ("latest", "count(*) filter (price < 1)"),
    "Share below 1": ("latest", "avg((price_band_order < 0)::integer)"),
    "Newest price": ("latest", ONE_PAIR.format("max(price)")),
    "Highest price": ("latest", ONE_QUOTE.format("max(price) filter (price_rank_in_quote is not null)")),
    "Newest observation": ("latest", "max(observed_at)"),
    "Age of newest price (min)": (
        "latest",
        f"(epoch(date_trunc('minute', {CLOCK})) - epoch(date_trunc('minute', max(observed_at)))) / 60",
    ),
    "Minutes": ("minute", "count(*)"),
    "Minutes with gap": ("minute", "count(*) filter (observation_count = 0)"),
    "Minute coverage": ("minute", "avg(least(observation_count / expected_count, 1))"),
    "Average price": ("minute", ONE_PAIR.format("avg(average_price)")),
    "Time-weighted price": ("minute", ONE_PAIR.format("avg(time_weighted_price)")),
    "Carried price": ("minute", ONE_PAIR.format("avg(filled_price)")),
    "Minute high": ("minute", ONE_PAIR.format("max(high_price)")),
    "Minute low": ("minute", ONE_PAIR.format("min(low_price)")),
    "Newest minute": ("minute", "max(minute_utc)"),
    "Days of pairs": ("day", "count(distinct (symbol, date_utc))"),
    "Average price of the day": ("day", ONE_PAIR.format("avg(average_price)")),
    "Quote volume": ("day", ONE_QUOTE.format("sum(quote_volume)")),
    "Sampling coverage": ("day", "avg(coverage)"),
    "Sector hours": ("sector", "count(*)"),
    "Sector change": (
        "sector",
        "if(count(distinct (sector, provider, source)) = 1, exp(sum(ln(1 + change))) - 1, null)",
    ),
    "Best hour": ("sector", "max(change)"),
    "Worst hour": ("sector", "min(change)"),
    "Pairs per sector hour": ("sector", "sum(pair_count) / count(*)"),
    "Parity hours": ("parity", "count(*)"),
    "Hours beyond threshold": ("parity", "count(*) filter (abs(deviation_bp) > threshold_bp)"),
    "Share beyond threshold": (
        "parity",
        "count(*) filter (abs(deviation_bp) > threshold_bp) / count(expected_price)",
    ),
    "Mean deviation (bp)": ("parity", "avg(10000 * (price / expected_price - 1))"),
    "Largest deviation (bp)": ("parity", "max(abs(10000 * (price / expected_price - 1)))"),
    "Gaps": ("gap", "count(*)"),
    "Open gaps": ("gap", "count(*) - count(to_utc)"),
    "Unresolved gaps": ("gap", "count(*) filter (cause = 'unresolved' and repaired_from is null)"),
    "Repaired gaps": ("gap", "count(repaired_from)"),
    "Hours in gaps": (
        "gap",
        "sum((select count(*) from generate_series(from_utc, to_utc - interval 1 minute, interval 1 minute) "
        f"as minute (instant) where date_key(instant) between {ON_DAYS})) filter (to_utc is not null) / 60",
    ),
    "Expected minutes": ("quality", "sum(expected_minutes)"),
    "Observed minutes": ("quality", "sum(observed_minutes)"),
    "Day completeness": ("quality", "sum(completeness * expected_minutes) / sum(expected_minutes)"),
    "Explained minutes": ("quality", "sum(explained_minutes)"),
    "Unexplained minutes": ("quality", "sum(unexplained_minutes)"),
    "Compared minutes": ("quality", "sum(compared_minutes)"),
    "Outside minutes": ("quality", "sum(outside_minutes)"),
    "Agreement": ("quality", "1 - sum(outside_minutes) / nullif(sum(compared_minutes), 0)"),
    "Mean deviation from traded (bp)": (
        "quality",
        "sum(mean_deviation_bp * traded_minutes) / sum(traded_minutes) filter (mean_deviation_bp is not null)",
    ),
    "Longest silence (min)": ("quality", "max(worst_staleness_seconds) / 60"),
    "Source notice": (
        "capture",
        "if(bool_and(source = 'sandbox'), 'SIMULATED: prices made up by the sandbox exchange', 'real')",
    ),
}
"""What each measure should be, written in SQL by itself; blank and 0 are told apart by whether there are rows."""

ZERO_WITHOUT_ROWS = {"Open gaps", "Unresolved gaps", "Repaired gaps"}

MIDNIGHT = datetime(2025, 6, 3)  # noqa: DTZ001 - as the export has it
BEFORE, AFTER = f"from_utc < '{MIDNIGHT}'", f"coalesce(to_utc, 'infinity') > '{MIDNIGHT}'"
"""Whether a gap lies on the day before midnight, and on the one after it."""

OF_PAIRS = ("dim_pair", "latest", "minute", "day", "parity", "gap", "quality")

CONTEXTS: dict[str, tuple[tuple[Filter, ...], dict[str, str]]] = {
    "everything": ((), {}),
    "pairs in USDT": (
        (Filter("dim_pair", "quote_code = 'USDT'"),),
        dict.fromkeys(OF_PAIRS, "quote_code = 'USDT'"),
    ),
    "BTCUSDT": (
        (Filter("dim_pair", "symbol = 'BTCUSDT'"),),
        dict.fromkeys(OF_PAIRS, "symbol = 'BTCUSDT'"),
    ),
    "ETHUSDT": (
        (Filter("dim_pair", "symbol = 'ETHUSDT'"),),
        dict.fromkeys(OF_PAIRS, "symbol = 'ETHUSDT'"),
    ),
    "SOLUSDT on its second day": (
        (Filter("dim_pair", "symbol = 'SOLUSDT'"), Filter("dim_date", "date_utc = '2025-06-03'")),
        dict.fromkeys(("dim_pair", "latest"), "symbol = 'SOLUSDT'")
        | dict.fromkeys(("minute", "day", "parity", "quality"), "symbol = 'SOLUSDT' and date_key = 20250603")
        | {"sector": "date_key = 20250603", "gap": f"symbol = 'SOLUSDT' and {AFTER}"},
    ),
    "the first day": (
        (Filter("dim_date", "date_utc = '2025-06-02'"),),
        dict.fromkeys(("minute", "day", "parity", "quality", "sector"), "date_key = 20250602") | {"gap": BEFORE},
    ),
    "the days after the first": (
        (Filter("dim_date", "date_utc > '2025-06-02'"),),
        dict.fromkeys(("minute", "day", "parity", "quality", "sector"), "date_key > 20250602") | {"gap": AFTER},
    ),
    "a sector after 23 o'clock": (
        (
            Filter("fact_sector_hour", "sector = 'Layer 1 & Layer 2' and provider = 'curated'"),
            Filter("dim_time", "hour = 23"),
        ),
        {
            "sector": "sector = 'Layer 1 & Layer 2' and provider = 'curated' and hour(hour_utc) = 23",
            "minute": "hour(minute_utc) = 23",
            "parity": "hour(hour_utc) = 23",
        },
    ),
    "what is halted": (
        (Filter("dim_pair", "not is_trading"),),
        dict.fromkeys(OF_PAIRS, "not is_trading"),
    ),
    "stablecoins": (
        (Filter("dim_currency", "asset_type = 'stablecoin'"),),
        dict.fromkeys(OF_PAIRS, "base_asset_type = 'stablecoin'"),
    ),
    "what is in a category": (
        (Filter("dim_category", "provider = 'curated' and sector = 'Layer 1 & Layer 2'"),),
        dict.fromkeys(
            OF_PAIRS,
            "base_code in (select code from mart.dim_currency where sectors like '%Layer 1 & Layer 2%' "
            "and sector_provider = 'curated')",
        ),
    ),
}
"""Filters as slicers set them, and which condition that is on each table of the warehouse."""

DAYS = {
    "SOLUSDT on its second day": (20250603, 20250603),
    "the first day": (20250602, 20250602),
    "the days after the first": (20250603, 20251231),
}
"""The days of those that choose some."""


def test_the_measures_are_what_independent_sql_over_the_warehouse_says(exported: Exported) -> None:
    translator = Translator(MEASURES, filtered(), CLOCK)
    assert TWINS.keys() == MEASURES.keys()
    seen = set()
    with exported.pipeline.warehouse.connect() as connection:
        for context, (filters, conditions) in CONTEXTS.items():
            for name, (rows_of, expression) in TWINS.items():
                [(value,)] = exported.duck.execute(f"select {translator.sql(name, filters)}").fetchall()
                rows = f"from {FROM[rows_of]} where {conditions.get(rows_of, 'true')}"
                bound: dict[str, Any] = {"watched": list(WATCHED)} if rows_of == "minute" else {}
                if ON_DAYS in expression:
                    first, last = DAYS.get(context, (0, 99991231))
                    bound |= {"first_day": first, "last_day": last}
                [(count, expected)] = connection.rows(f"select count(*), {expression} {rows}", **bound)
                if not count:
                    expected = 0 if name in ZERO_WITHOUT_ROWS else None
                if isinstance(expected, datetime | str) or expected is None or value is None:
                    assert value == expected, f"{name}, {context}"
                else:
                    assert math.isclose(value, expected, rel_tol=1e-9, abs_tol=1e-9), f"{name}, {context}: {expected}"
                if expected:
                    seen.add(name)
    assert not MEASURES.keys() - seen, "nowhere anything else"


def test_a_gap_over_midnight_is_one_of_both_days_and_its_hours_are_parted(exported: Exported) -> None:
    translator = Translator(MEASURES, filtered())

    def of(name: str, *days: str) -> Any:
        chosen = (Filter("dim_pair", f"symbol = '{OVER_MIDNIGHT}'"), *(Filter("dim_date", day) for day in days))
        [(value,)] = exported.duck.execute(f"select {translator.sql(name, chosen)}").fetchall()
        return value

    before, after = "date_utc = '2025-06-02'", "date_utc = '2025-06-03'"
    assert (of("Gaps"), of("Gaps", before), of("Gaps", after)) == (1, 1, 1)
    parts = of("Hours in gaps", before), of("Hours in gaps", after)
    assert [round(part * 3600) for part in parts] == [5 * 60, 3 * 60]
    assert math.isclose(of("Hours in gaps"), sum(parts))
    assert of("Gaps", "date_utc = '2025-06-04'") is None


def test_the_readme_says_what_was_not_tried_and_how_much_there_is() -> None:
    text = (COMMITTED / "README.md").read_text(encoding="utf-8")
    computed = {name for table in TABLES.values() for name, it in table.columns.items() if "dax" in it}
    assert computed == {"is_newest_48_hours", "parity"}
    for name in (*LEFT_OUT, *computed):
        assert name in text
    assert f"{len(TABLES)} tables load" in text
    assert f"{len(relationships())} lines" in text
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", text):
        assert (COMMITTED / target).exists(), target
