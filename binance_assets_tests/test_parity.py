"""What should agree: deviations against plain Python over the hours, and what is planted is named, and nothing else."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from datetime import datetime
from importlib import resources
from itertools import product
from pathlib import Path
from typing import Any
from unittest import mock

import dagster as dg
import pytest
import requests

from binance_assets.checks import RULES
from binance_assets.home import Home
from binance_assets.landing import Capture
from binance_assets.mart.assets import fact_parity_hour
from binance_assets.mart.tables import PARITY_KINDS
from binance_assets.resources import HomeResource
from binance_assets.sandbox import Sandbox
from binance_assets.sandbox.catalogue import Catalogue, catalogue
from binance_assets.sandbox.exchange import Exchange
from binance_assets.sandbox.market import DEFAULT_SEED, Market
from binance_assets_tests.pipeline import HOUR, MINUTE, NOON, SECOND, Pipeline, described, milliseconds

START = datetime(2025, 6, 2, 12)  # noqa: DTZ001 - the sandbox's listing is complete by then

MARKET = {
    "BTCUSDT": ("BTC", "USDT", "50000"),
    "ETHUSDT": ("ETH", "USDT", "2500"),
    "ETHBTC": ("ETH", "BTC", "0.05"),
    "USDTTRY": ("USDT", "TRY", "40"),
    "BTCTRY": ("BTC", "TRY", "2000000"),
    "EURUSDT": ("EUR", "USDT", "1.1"),
    "EURIUSDT": ("EURI", "USDT", "1.1"),
    "ETHEURI": ("ETH", "EURI", "2272.72727273"),
    "USDCUSDT": ("USDC", "USDT", "1"),
    "BTCUSDC": ("BTC", "USDC", "50000"),
    "BTCDAI": ("BTC", "DAI", "50000"),
    "WBTCBTC": ("WBTC", "BTC", "1"),
    "WBETHUSDT": ("WBETH", "USDT", "2675"),
    "WBETHETH": ("WBETH", "ETH", "1.07"),
    "PAXGUSDT": ("PAXG", "USDT", "4000"),
    "XAUTUSDT": ("XAUT", "USDT", "4000"),
    "XAUTBTC": ("XAUT", "BTC", "0.08"),
    "LOWBTC": ("LOW", "BTC", "0.00000001"),
    "LOWUSDT": ("LOW", "USDT", "0.0006"),
    "ABCXYZ": ("ABC", "XYZ", "3"),
}
"""In which everything agrees, as far as the digits of LOWBTC let one say."""

COMPARED = {
    *(("USDC", "USDT"), ("DAI", "USDT"), ("EURI", "EUR"), ("WBTC", "BTC"), ("WBETH", "ETH"), ("XAUT", "PAXG")),
    *(("ETH", "BTC"), ("BTC", "TRY"), ("ETH", "EURI"), ("BTC", "USDC"), ("XAUT", "BTC"), ("LOW", "BTC")),
}


def reviewed() -> list[dict[str, str]]:
    text = resources.files("binance_assets").joinpath("mart/parity.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


def land_hour(
    pipeline: Pipeline, prices: Mapping[str, str], hour: datetime = NOON, minutes: range = range(0, 60, 6)
) -> None:
    pipeline.landing.land_minute(
        [
            Capture(
                "ticker/price",
                pipeline.source,
                hour + minute * MINUTE,
                ("[" + ",".join(f'{{"symbol":"{s}","price":"{p}"}}' for s, p in prices.items()) + "]").encode(),
                sampling_interval_seconds=60,
            )
            for minute in minutes
        ]
    )


def agreeing(**planted: str) -> dict[str, str]:
    return {symbol: price for symbol, (_, _, price) in MARKET.items()} | planted


def market(**statuses: str) -> list[dict[str, Any]]:
    return [described(s, base, quote, statuses.get(s, "TRADING")) for s, (base, quote, _) in MARKET.items()]


def parities(pipeline: Pipeline) -> list[dict[str, Any]]:
    return pipeline.records(
        "select symbol, parity.* from mart.fact_parity_hour as parity inner join mart.dim_pair using (pair_key) "
        "order by hour_utc, kind, symbol"
    )


def reported(pipeline: Pipeline) -> list[dict[str, str]]:
    [rule] = [rule for rule in RULES if rule.name == "parity"]
    with pipeline.warehouse.connect() as connection:
        result = rule.evaluate(connection, pipeline.source)
    assert result.severity == dg.AssetCheckSeverity.WARN
    assert result.passed == ("rows" not in result.metadata)
    rows: list[dict[str, str]] = [] if result.passed else result.metadata["rows"].value  # type: ignore[assignment]
    return rows


@pytest.fixture
def pipeline(home: Home) -> Pipeline:
    return Pipeline(home.store("live").path)


def test_the_list_is_complete_and_says_why() -> None:
    rows = reviewed()
    codes = [row["code"] for row in rows]
    assert len(set(codes)) == len(codes)
    for row in rows:
        assert row["kind"] in PARITY_KINDS
        assert row["reason"]
        assert (row["kind"] == "accruing") == (not row["threshold_bp"])
        assert (row["kind"] == "cross") == (row["code"] == "*") == (not row["follows"])
        assert row["code"] != row["follows"]
    assert {row["kind"] for row in rows} == set(PARITY_KINDS)


def test_what_agrees_has_a_row_and_warns_of_nothing(pipeline: Pipeline) -> None:
    pipeline.land_info(market(), NOON - HOUR)
    land_hour(pipeline, agreeing())
    pipeline.update()
    rows = parities(pipeline)
    assert {(row["code"], row["follows_code"]) for row in rows} == COMPARED
    assert reported(pipeline) == []
    for row in rows:
        if row["kind"] == "accruing":
            assert row["price"] == pytest.approx(1.07)
            assert (row["expected_price"], row["deviation_bp"], row["threshold_bp"], row["is_beyond"]) == (None,) * 4
        elif row["symbol"] == "LOWBTC":
            assert row["deviation_bp"] == pytest.approx(-1666.7, abs=0.1)
            assert row["threshold_bp"] > 10_000, "a price of one step says nothing"
        else:
            assert row["deviation_bp"] == pytest.approx(0, abs=0.01)
        if row["kind"] == "cross":
            assert row["symbol"] not in f"{row['usdt_path']} {row['follows_usdt_path']}", "compared with itself"
    [dai] = [row for row in rows if row["code"] == "DAI"]
    assert (dai["symbol"], dai["usdt_path"], dai["price"]) == ("BTCDAI", "1/BTCDAI x BTCUSDT", pytest.approx(1))


@pytest.mark.parametrize(
    ("planted", "named"),
    [
        ({"USDCUSDT": "0.994", "BTCUSDC": "50301.80"}, {("stablecoin", "USDC", -60)}),
        ({"EURUSDT": "1.09"}, {("stablecoin", "EURI", 92)}),
        ({"WBTCBTC": "0.98"}, {("wrapped", "WBTC", -200)}),
        ({"BTCDAI": "51000"}, {("stablecoin", "DAI", -196)}),
        ({"ETHBTC": "0.0512"}, {("cross", "ETH", 240)}),
        ({"BTCTRY": "2000000", "USDTTRY": "39"}, {("cross", "BTC", 256)}),
        ({"XAUTUSDT": "3900"}, {("gold", "XAUT", -250), ("cross", "XAUT", 256)}),
        ({"WBETHETH": "1.17"}, {("cross", "WBETH", 935)}),
    ],
)
def test_a_planted_deviation_is_named_and_nothing_else(
    pipeline: Pipeline, planted: dict[str, str], named: set[tuple[str, str, int]]
) -> None:
    pipeline.land_info(market(), NOON - HOUR)
    land_hour(pipeline, agreeing(**planted))
    pipeline.update()
    rows = reported(pipeline)
    assert {(row["kind"], row["code"], round(float(row["deviation_bp"]))) for row in rows} == named
    deviations = [abs(float(row["deviation_bp"])) for row in rows]
    assert deviations == sorted(deviations, reverse=True), "worst first"


def test_there_is_no_row_where_one_side_did_not_trade_or_was_not_observed_through_the_hour(pipeline: Pipeline) -> None:
    pipeline.land_info(market(USDCUSDT="HALT"), NOON - HOUR)
    land_hour(pipeline, {symbol: price for symbol, price in agreeing().items() if symbol != "PAXGUSDT"})
    land_hour(pipeline, {"PAXGUSDT": "4000"}, minutes=range(1, 9))
    pipeline.land_info(market(USDCUSDT="HALT", EURUSDT="BREAK"), NOON + HOUR / 2)
    pipeline.update()
    rows = parities(pipeline)
    # USDCUSDT is halted; the value of USDC is that of BTCUSDC, which is then not compared with itself.
    gone = {("BTC", "USDC"), ("EURI", "EUR"), ("XAUT", "PAXG")}
    assert {(row["code"], row["follows_code"]) for row in rows} == COMPARED - gone
    [usdc] = [row for row in rows if row["code"] == "USDC"]
    assert usdc["usdt_path"] == "1/BTCUSDC x BTCUSDT"


def test_hours_are_compared_again_when_late_data_changes_them(pipeline: Pipeline) -> None:
    pipeline.land_info(market(), NOON - HOUR)
    for number in range(3):
        land_hour(pipeline, agreeing(), NOON + number * HOUR)
    pipeline.update()
    before = parities(pipeline)
    land_hour(pipeline, agreeing(USDCUSDT="0.9"), NOON + HOUR, range(1, 60, 6))
    pipeline.land_info(market(WBTCBTC="HALT"), NOON + 2 * HOUR - MINUTE)
    pipeline.update()
    after = parities(pipeline)

    def of(rows: list[dict[str, Any]], hour: int, *without: str) -> list[dict[str, Any]]:
        return [row for row in rows if row["hour_utc"] == NOON + hour * HOUR and row["code"] not in without]

    assert of(after, 0) == of(before, 0)
    assert of(after, 1, "USDC", "BTC") == of(before, 1, "USDC", "BTC", "WBTC")
    assert of(after, 2) == of(before, 2, "WBTC")
    [usdc] = [row for row in of(after, 1) if row["code"] == "USDC"]
    assert usdc["deviation_bp"] == pytest.approx(-500)
    pipeline.rebuild()
    assert parities(pipeline) == after


def test_the_asset_shows_the_pegs(pipeline: Pipeline, home: Home) -> None:
    pipeline.land_info(market(), NOON - HOUR)
    land_hour(pipeline, agreeing(USDCUSDT="0.994"))
    pipeline.update()
    with home.dagster_instance() as instance:
        made = dg.materialize([fact_parity_hour], resources={"home": HomeResource()}, instance=instance)
        [event] = made.asset_materializations_for_node("mart__fact_parity_hour")
    records = event.metadata["newest_pegs"].value.records  # type: ignore[union-attr]
    assert next(record.data["code"] for record in records) == "USDC"
    assert {record.data["code"] for record in records} == {"USDC", "DAI", "EURI", "WBTC", "WBETH", "XAUT"}
    assert event.metadata["dagster/row_count"].value == len(COMPARED) + 1


def test_the_pegs_of_the_sandbox_hold_and_equal_an_independent_computation(tmp_path: Path) -> None:
    """Of its followers and what they are priced in: their values move by 1e-4 a day."""
    money = {"BTC", "ETH", "SOL", "BNB", "EUR", "TRY", "USDT", "KRW", "IDR"}
    money |= {code for row in reviewed() for code in (row["code"], row["follows"])}
    currencies, pairs = catalogue(DEFAULT_SEED)
    chosen = tuple(pair for pair in pairs if {pair.base.code, pair.quote.code} <= money)
    with mock.patch("binance_assets.sandbox.market.catalogue", return_value=Catalogue(currencies, chosen)):
        few = Market(DEFAULT_SEED)
    pipeline = Pipeline(tmp_path / "sandbox", "sandbox")
    now = [START]
    with Sandbox(clock=lambda: milliseconds(now[0])) as sandbox, requests.Session() as session:
        sandbox._exchange = Exchange(few, 6000)
        bodies = {}
        for minute in range(60):
            now[0] = START + minute * MINUTE + SECOND
            bodies[now[0]] = session.get(f"{sandbox.url}/api/v3/ticker/price", timeout=30).content
        info = session.get(f"{sandbox.url}/api/v3/exchangeInfo", timeout=30).content
    pipeline.landing.land(Capture("exchangeInfo", "sandbox", START, info))
    pipeline.landing.land_minute(
        [Capture("ticker/price", "sandbox", at, body, sampling_interval_seconds=60) for at, body in bodies.items()]
    )
    pipeline.update()

    hours = pipeline.rows(
        "select symbol, average_price from mart.fact_price_hour inner join mart.dim_pair using (pair_key)"
    )
    trading = {pair.symbol for pair in chosen if pair.status == "TRADING"}
    means = {symbol: price for symbol, price in hours if symbol in trading}
    between = {(pair.base.code, pair.quote.code): means[pair.symbol] for pair in chosen if pair.symbol in trading}

    def ratio(code: str, other: str) -> list[float]:
        direct = [between[code, other]] if (code, other) in between else []
        return direct + ([1 / between[other, code]] if (other, code) in between else [])

    def usdt(code: str) -> float | None:
        if code == "USDT":
            return 1.0
        by_bitcoin = [first * second for first, second in product(ratio(code, "BTC"), ratio("BTC", "USDT"))]
        return next(iter(ratio(code, "USDT") + by_bitcoin), None)

    expected: dict[tuple[str, str, str], tuple[float, float | None]] = {}
    for row in reviewed():
        value, followed = usdt(row["code"]), usdt(row["follows"])
        if value and followed:
            should = None if row["kind"] == "accruing" else 1.0
            expected[row["kind"], row["code"], row["follows"]] = value / followed, should
    for (base, quote), price in between.items():
        value, quote_value = usdt(base), usdt(quote)
        has_other_way = ratio(base, "USDT") and (ratio(quote, "USDT") or quote == "BTC")
        if "USDT" not in (base, quote) and has_other_way and value and quote_value:
            expected["cross", base, quote] = price, value / quote_value
    rows = parities(pipeline)
    found = {(row["kind"], row["code"], row["follows_code"]): row for row in rows}
    assert found.keys() == expected.keys()
    assert len(found) == len(rows) > 30
    for key, (price, expected_price) in expected.items():
        assert math.isclose(found[key]["price"], price, rel_tol=1e-12)
        deviation = None if expected_price is None else pytest.approx(10_000 * (price / expected_price - 1), abs=1e-6)
        assert found[key]["deviation_bp"] == deviation
    assert {key[0] for key in found} == set(PARITY_KINDS)
    assert reported(pipeline) == []
