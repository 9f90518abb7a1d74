"""What readers rely on does not change by accident."""

import json
import re

import pytest

from binance_assets.export import contract
from binance_assets.tables import Table, flag, instant, integer, price, text
from binance_assets_tests.pipeline import ROOT

CHANGELOG = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_committed_contract_is_what_is_exported() -> None:
    """Names, order and types of all columns. `make docs` writes the file; the next test asks for a line about it."""
    committed = json.loads((ROOT / "docs" / "export-contract.json").read_text(encoding="utf-8"))
    assert {name: list(table["columns"].items()) for name, table in committed["tables"].items()} == {
        name: [(column.name, column.type) for column in contract.columns(table)]
        for name, table in contract.TABLES.items()
    }
    assert committed == contract.contract()


def test_the_changelog_has_a_line_about_the_contract_as_it_is() -> None:
    lines = re.findall(r"^- (\d+) \(`([0-9a-f]{12})`\): (.+)", CHANGELOG, flags=re.MULTILINE)
    now = contract.contract()
    wanted = f"- {now['version']} (`{now['digest']}`): what has changed"
    assert lines, "CHANGELOG.md has no line about the contract"
    assert lines[0][:2] == (str(now["version"]), now["digest"]), (
        f"the contract of the export has changed: put a line on top of those in CHANGELOG.md: {wanted}"
    )
    versions = [int(version) for version, *_ in lines]
    assert versions == sorted(versions, reverse=True)
    assert len({digest for _, digest, _ in lines}) == len(lines)


@pytest.mark.parametrize("change", ["renamed", "reordered", "retyped", "added"])
def test_every_change_of_a_table_changes_the_digest(monkeypatch: pytest.MonkeyPatch, change: str) -> None:
    before = contract.contract()["digest"]
    columns = {"key": integer("The key"), "name": text("Its name")}
    first = Table("mart.some", "Some.", grain="one", key=("key",), columns=columns)
    monkeypatch.setattr(contract, "TABLES", {"some": first})
    digest = contract.contract()["digest"]
    assert digest != before
    changed = {
        "renamed": {"key": integer("The key"), "title": text("Its name")},
        "reordered": {"name": text("Its name"), "key": integer("The key")},
        "retyped": {"key": integer("The key"), "name": flag("Its name")},
        "added": columns | {"at": instant("When")},
    }[change]
    second = Table("mart.some", "Some.", grain="one", key=("key",), columns=changed)
    monkeypatch.setattr(contract, "TABLES", {"some": second})
    assert contract.contract()["digest"] != digest


def test_a_decimal_becomes_a_number_and_a_text_and_a_day_that_has_a_key_goes() -> None:
    table = Table(
        "mart.some",
        "Some.",
        grain="one",
        key=("date_key",),
        columns={"date": text("The day"), "date_key": integer("The day"), "paid": price("A price", nullable=True)},
    )
    assert [(column.name, column.type, column.nullable) for column in contract.columns(table)] == [
        ("date_key", "INTEGER", False),
        ("paid", "DOUBLE", True),
        ("paid_text", "VARCHAR", True),
    ]


def test_a_type_that_no_reader_was_tried_with_is_refused() -> None:
    for sql_type in ("hugeint", "uinteger", "uuid", "interval", "time", "timestamptz", "timestamp_ns", "integer[]"):
        column = text("Something", sql_type=sql_type)
        with pytest.raises(KeyError):
            contract.columns(Table("mart.some", "Some.", grain="one", key=("it",), columns={"it": column}))
