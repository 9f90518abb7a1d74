"""Asset checks: every rule of every declaration, and every check of the market's logic, finds what was planted."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import dagster as dg
import duckdb
import pytest

from binance_assets.catalog import TABLES
from binance_assets.checks import RULES, Findings, check_declaration, check_references, declaration_rule
from binance_assets.home import Home
from binance_assets.landing import Capture
from binance_assets.mart.quality import measure_quality
from binance_assets.resources import HomeResource
from binance_assets.tables import Table
from binance_assets.warehouse import Connection
from binance_assets_tests.coins import DEFI, Coins, coin, listed, named
from binance_assets_tests.klines import ArchiveStore, candles, rolled_up
from binance_assets_tests.pipeline import HOUR, MINUTE, NOON, PAIRS, SECOND, Pipeline, described, prices_body

CHECKED = {table.name: table for table in TABLES if table.layer != "meta"}


@pytest.fixture(scope="module")
def unguarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    """All tables with good rows, but without the constraints that would not let a bad one in."""
    pipeline = ArchiveStore(tmp_path_factory.mktemp("checked"))
    pipeline.land_info(PAIRS)
    coins = Coins(pipeline)
    coins.land_map(coin(1, "BTC"), coin(2, "XRP"))
    coins.land_listings(listed(1, 1.5), listed(2, 1.5))
    coins.land("categories", [named(DEFI, "DeFi")])
    coins.land_members(DEFI, [1])
    for number in (0, 1, 5):
        prices = {pair["symbol"]: "1.5" for pair in PAIRS} | {"UNKNOWN": "2", "../x": "1"}
        pipeline.land_prices(prices, NOON + number * MINUTE)
    pipeline.land_missed(NOON + 2 * MINUTE)
    day = candles(NOON - 12 * HOUR)
    pipeline.land_klines([rolled_up(day[:60], day[0].at, HOUR)], day[0].at, day[0].at, at=NOON, interval="1h")
    pipeline.update()
    pipeline.land_candles("BTCUSDT", f"{NOON:%Y-%m-%d}", [it for it in day if it.at != NOON])
    pipeline.add_rest(day[720:721])
    pipeline.load_archive()
    with pipeline.warehouse.connect() as connection:
        measure_quality(connection)
    with duckdb.connect(config={"file_search_path": str(pipeline.warehouse.path.parent)}) as duck:
        duck.execute(f"attach '{pipeline.warehouse.path}' as stored (read_only)")
        for layer in ("raw", "core", "mart", "open", "meta"):
            duck.execute(f"create schema {layer}")
        duck.execute("use stored")
        duck.execute("create table memory.meta.kline_month as from stored.meta.kline_month")
        for name, table in CHECKED.items():
            duck.execute(f"create table memory.{name} as from stored.{name}")
            if table.open_name != name:
                duck.execute(f"create table memory.{table.open_name} as from stored.{table.open_name}")
        duck.execute("use memory")
        yield Connection(duck)


def findings_of(connection: Connection, table: Table) -> Findings:
    findings = Findings()
    check_declaration(connection, table, findings)
    check_references(connection, table, findings)
    return findings


@pytest.mark.parametrize("name", CHECKED)
def test_good_rows_pass(unguarded: Connection, name: str) -> None:
    assert unguarded.count(name) > 0
    assert findings_of(unguarded, CHECKED[name]) == Findings()


def violations() -> Iterator[Any]:
    """One violation for every rule of every column: table, column, the value that breaks it, how the rule is called."""
    for table in CHECKED.values():
        for name, column in table.columns.items():
            if table.is_view and name in {"date", "month"}:
                continue  # it is not stored, but the partition's own
            if not column.nullable:
                yield pytest.param(table, name, None, "not_nullable", id=f"{table.name}.{name} null")
            for check in column.checks:
                values = check.statistics
                bad = {
                    "greater_than": lambda v: v["min_value"],
                    "greater_than_or_equal_to": lambda v: v["min_value"] - 1,
                    "in_range": lambda v: v["max_value"] + 1,
                    "isin": lambda v: "nonsense",
                }[str(check.name)](values)
                yield pytest.param(table, name, bad, str(check.name), id=f"{table.name}.{name} {check.name}")
        for column_name in table.references:
            orphan = "nowhere" if table.sql_type(column_name) == "varchar" else 999_999
            yield pytest.param(table, column_name, orphan, "is not in", id=f"{table.name}.{column_name} orphan")


@pytest.mark.parametrize(("table", "column", "value", "rule"), list(violations()))
def test_a_planted_violation_is_found_and_its_row_is_named(
    unguarded: Connection, table: Table, column: str, value: Any, rule: str
) -> None:
    unguarded.duck.execute("begin")
    try:
        unguarded.duck.execute(
            f'update {table.name} set "{column}" = $value where rowid = (select max(rowid) from {table.name})',
            {"value": value},
        )
        findings = findings_of(unguarded, table)
    finally:
        unguarded.duck.execute("rollback")
    [found] = [text for text in findings.rules if text.startswith(f"{column}") and rule in text]
    assert findings.rules[found] == 1
    [row] = [row for row in findings.rows if row["rule"] == found]
    assert row[column] is None if value is None else row[column] == value
    result = findings.result(declaration_rule(table), "live")
    assert not result.passed
    assert found in (result.description or "")


@pytest.mark.parametrize("name", CHECKED)
def test_a_key_that_stands_twice_is_found(unguarded: Connection, name: str) -> None:
    unguarded.duck.execute("begin")
    try:
        unguarded.duck.execute(f"insert into {name} from {name} limit 1")
        findings = findings_of(unguarded, CHECKED[name])
    finally:
        unguarded.duck.execute("rollback")
    assert findings.rows
    assert all("unique" in rule for rule in findings.rules)


# What only the market's own logic can say


def run_check(name: str) -> dg.AssetCheckResult:
    [rule] = [rule for rule in RULES if rule.name == name]
    store = HomeResource().store
    with store.warehouse.connect() as connection:
        return rule.evaluate(connection, store.source)


def named_rows(result: dg.AssetCheckResult) -> list[dict[str, str]]:
    rows: list[dict[str, str]] = result.metadata["rows"].value  # type: ignore[assignment]
    return rows


@pytest.fixture
def pipeline(home: Home) -> Pipeline:
    return Pipeline(home.store("live").path)


MARKET = {f"C{number}USDT": "1" for number in range(10)}


@pytest.mark.parametrize(("lost", "passed"), [(2, True), (3, False)])
def test_snapshot_size(pipeline: Pipeline, lost: int, passed: bool) -> None:
    """More than 20 % is too much."""
    pipeline.land_prices(MARKET, NOON)
    pipeline.land_prices(dict(list(MARKET.items())[lost:]), NOON + MINUTE)
    pipeline.land_prices({"C1USDT": "1"}, NOON + 2 * MINUTE, interval=None, source="import")
    pipeline.load()
    result = run_check("snapshot_size")
    assert result.passed is passed
    assert result.severity == dg.AssetCheckSeverity.ERROR
    if not passed:
        [row] = named_rows(result)
        assert (row["row_count"], row["row_count_before"]) == ("7", "10")


@pytest.mark.parametrize(("seconds", "passed"), [(0, True), (3, True), (10, False), (-3, True), (-10, False)])
def test_clock(pipeline: Pipeline, seconds: int, passed: bool) -> None:
    pipeline.landing.land(
        Capture(
            "ticker/price",
            "live",
            NOON,
            prices_body(MARKET),
            requested_at=NOON - SECOND / 10,
            exchange_at=NOON - seconds * SECOND,
        )
    )
    pipeline.load()
    result = run_check("clock")
    assert result.passed is passed
    if not passed:
        assert float(named_rows(result)[0]["answer_ahead_seconds"]) == seconds


def test_refused_rows(pipeline: Pipeline) -> None:
    pipeline.land_prices(MARKET | {"BADUSDT": "0"})
    pipeline.load()
    result = run_check("refused_rows")
    assert not result.passed
    assert result.severity == dg.AssetCheckSeverity.WARN
    [row] = named_rows(result)
    assert "BADUSDT" in row["row"]
    assert "zero" in row["reason"]


def test_new_words(pipeline: Pipeline) -> None:
    pipeline.land_info(PAIRS)
    pipeline.update()
    assert run_check("new_words").passed
    pipeline.land_info([described("BTCUSDT", "BTC", "USDT", "SLEEPING", dreams=1), *PAIRS[1:]], NOON + MINUTE)
    pipeline.update()
    result = run_check("new_words")
    assert not result.passed
    assert [(row["kind"], row["word"]) for row in named_rows(result)] == [("field", "dreams"), ("status", "SLEEPING")]


def test_new_words_stay_reported_while_they_are_in_use(pipeline: Pipeline) -> None:
    """Also when nothing about the symbol changes for days, while other symbols change."""
    strange = described("BTCUSDT", "BTC", "USDT", "SLEEPING")
    pipeline.land_info([strange, *PAIRS[1:]])
    changed = described("ETHBTC", "ETH", "BTC", "HALT")
    pipeline.land_info([strange, changed, *PAIRS[2:]], NOON + timedelta(days=3))
    pipeline.update()
    assert not run_check("new_words").passed


def test_undescribed_symbols(pipeline: Pipeline) -> None:
    pipeline.land_info(PAIRS)
    pipeline.land_prices({"BTCUSDT": "1"})
    pipeline.update()
    assert run_check("undescribed_symbols").passed
    pipeline.land_prices({"NEWUSDT": "1"}, NOON + MINUTE)
    pipeline.update()
    result = run_check("undescribed_symbols")
    assert not result.passed
    assert [row["symbol"] for row in named_rows(result)] == ["NEWUSDT"]


def test_base_and_quote(pipeline: Pipeline) -> None:
    pipeline.land_info(PAIRS)
    pipeline.update()
    assert run_check("base_and_quote").passed
    with pipeline.warehouse.transaction() as connection:
        connection.rows("""update raw.exchange_info set payload = replace(payload::varchar, '"ETH"', '"ETC"')::json""")
    result = run_check("base_and_quote")
    assert not result.passed
    assert [(row["symbol"], row["base"], row["described_base"]) for row in named_rows(result)] == [
        ("ETHBTC", "ETH", "ETC"),
        ("ETHUSDT", "ETH", "ETC"),
    ]
