"""Which coin of CoinMarketCap a currency is: by rules, never by a guess."""

from __future__ import annotations

import csv
from datetime import datetime, timedelta
from importlib import resources
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from binance_assets.core.tables import ASSET_TYPES, CATEGORY_PROVIDERS, SECTORS
from binance_assets_tests.coins import Coins, coin, listed
from binance_assets_tests.pipeline import HOUR, MINUTE, NOON, Pipeline, described

LONG_AGO = NOON - timedelta(days=400)


@pytest.fixture
def pipeline(tmp_path: Path) -> Pipeline:
    return Pipeline(tmp_path / "live")


def package_rows(name: str) -> list[dict[str, str]]:
    text = resources.files("binance_assets").joinpath("core", name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


def in_usdt(*codes: str, **fields: Any) -> list[dict[str, Any]]:
    return [described(f"{code}USDT", code, "USDT", **fields) for code in codes]


def matched(pipeline: Pipeline) -> dict[str, tuple[int, str, float, int]]:
    return {
        row[0]: row[1:]
        for row in pipeline.rows(
            "select code, coinmarketcap_id, method, confidence, units_per_coin "
            "from core.currency_coinmarketcap inner join core.currency using (currency_id)"
        )
    }


def unmatched(pipeline: Pipeline) -> dict[str, str]:
    return dict(
        pipeline.rows("select code, reason from core.unmatched_currency inner join core.currency using (currency_id)")
    )


def candidates(pipeline: Pipeline, code: str) -> list[tuple[int, int, bool]]:
    return pipeline.rows(
        "select coinmarketcap_id, rank, is_active from core.unmatched_currency_candidate "
        "inner join core.currency using (currency_id) where code = $code order by rank",
        code=code,
    )


def test_each_rule(pipeline: Pipeline) -> None:
    pipeline.land_info(
        [
            *in_usdt("BTC", "UNO", "FAR", "TWO", "IMI", "BTH", "NLS", "MIX", "1000SATS", "SATS", "MATIC", "BTCUP"),
            *in_usdt("OLD", "NPR", "GON", "LOW", status="BREAK"),
            described("USDTINV", "USDT", "INV"),
            described("USDTTRY", "USDT", "TRY"),
            described("WAYBTC", "WAY", "BTC"),
            described("BTCYAW", "BTC", "YAW"),
        ],
        at=NOON - HOUR,
    )
    prices = {
        "BTCUSDT": "50000",
        "UNOUSDT": "1.10",
        "FARUSDT": "1.30",
        "TWOUSDT": "1.04",
        "IMIUSDT": "2",
        "BTHUSDT": "1",
    }
    prices |= {"NLSUSDT": "1", "MIXUSDT": "3", "1000SATSUSDT": "0.000201", "SATSUSDT": "0.0000002", "MATICUSDT": "1"}
    prices |= {
        "OLDUSDT": "77",
        "USDTINV": "4",
        "USDTTRY": "30",
        "WAYBTC": "0.0001",
        "BTCYAW": "25000",
        "BTCUPUSDT": "9",
    }
    pipeline.land_prices(prices, NOON - 10 * MINUTE)
    ambiguous = ("TWO", "IMI", "BTH", "NPR", "NLS", "INV", "WAY", "YAW")
    Coins(pipeline).land_map(
        coin(1, "BTC"),
        coin(7, "BTC", rank=2),
        *(coin(100 + place, code) for place, code in enumerate(ambiguous)),
        *(coin(200 + place, code) for place, code in enumerate(ambiguous)),
        *(coin(300 + place, code) for place, code in enumerate(("UNO", "FAR", "OLD", "SATS", "MIX"))),
        coin(400, "MIX", rank=3, active=False),
        coin(401, "GON", active=False),
        coin(402, "Low"),
        coin(403, "TRY"),
        coin(404, "BTCUP"),
        coin(405, "MATIC"),
        coin(28194, "SATS", rank=99_999, active=False),
    )
    best = {"TWO": 1.0, "IMI": 1.0, "BTH": 1.0, "NPR": 1.0, "INV": 0.25, "WAY": 5.0, "YAW": 2.0}
    second = {"TWO": 1.2, "IMI": 2.0, "BTH": 1.03, "NPR": 0.001, "NLS": 1.0, "INV": 9.0, "WAY": 9.0, "YAW": 9.0}
    Coins(pipeline).land_listings(
        listed(1, 50_100),
        *(listed(100 + ambiguous.index(code), price) for code, price in best.items()),
        *(listed(200 + ambiguous.index(code), price) for code, price in second.items()),
        *(listed(300 + place, price) for place, price in enumerate((1, 1, 1, 2e-7, 3))),
        listed(28194, 2e-7),
        at=NOON,
    )
    pipeline.update()

    assert matched(pipeline) == {
        "BTC": (1, "override", 1.0, 1),
        "1000SATS": (28194, "override", 1.0, 1000),
        "UNO": (300, "unique_symbol", 0.9, 1),
        "OLD": (302, "unique_symbol", 0.7, 1),  # a halted pair's price says nothing
        "SATS": (303, "unique_symbol", 0.9, 1),
        "MIX": (304, "unique_symbol", 0.9, 1),
        "TWO": (100, "rank_and_price", 0.9, 1),
        "INV": (105, "rank_and_price", 0.9, 1),
        "WAY": (106, "rank_and_price", 0.9, 1),
        "YAW": (107, "rank_and_price", 0.9, 1),
    }
    assert unmatched(pipeline) == {
        "FAR": "the only active coin has another price",
        "IMI": "several active coins, and the best-ranked has another price",
        "BTH": "several active coins have the exchange's price",
        "NPR": "several active coins, and the exchange has no price of that time",
        "NLS": "several active coins, and the best-ranked is listed without a price",
        "GON": "no active coin has this symbol",
        "LOW": "no active coin has this symbol",
        "MATIC": "the reviewed list says coin 3890, which no map has had",
        "USDT": "the reviewed list says coin 825, which no map has had",
    }
    assert candidates(pipeline, "IMI") == [(101, 101, True), (201, 201, True)]
    assert candidates(pipeline, "GON") == [(401, 401, False)]
    assert candidates(pipeline, "LOW") == [(402, 402, True)]
    before = pipeline.tables()
    pipeline.update()
    assert pipeline.tables() == before
    pipeline.rebuild()
    assert pipeline.tables() == before


@pytest.mark.parametrize(
    ("observed", "is_matched"),
    [
        ({-61: "1.01"}, False),
        ({-59: "1.01"}, True),
        ({-59: "2.00", -1: "1.01"}, True),
        ({-59: "1.01", -1: "2.00"}, False),
        ({59: "1.01"}, True),
        ({61: "1.01"}, False),
        ({-1: "2.00", 1: "1.01"}, False),
        ({1: "1.01", 2: "2.00"}, True),
    ],
)
def test_which_price_of_the_exchange_is_compared(
    pipeline: Pipeline, observed: dict[int, str], is_matched: bool
) -> None:
    """The last of the hour before the listings, or the first of the hour after; keys are minutes from the listings."""
    pipeline.land_info(in_usdt("TWO"), at=LONG_AGO)
    for minutes, price in observed.items():
        pipeline.land_prices({"TWOUSDT": price}, NOON + minutes * MINUTE)
    Coins(pipeline).land_map(coin(1, "TWO"), coin(2, "TWO"))
    Coins(pipeline).land_listings(listed(1, 1.0), listed(2, 0.001))
    pipeline.update()
    assert ("TWO" in matched(pipeline)) == is_matched


@pytest.mark.parametrize(("minutes", "is_matched"), [(-1, True), (60, True), (61, False)])
def test_metadata_counts_for_the_hour_before_the_first(pipeline: Pipeline, minutes: int, is_matched: bool) -> None:
    pipeline.land_info(in_usdt("BTC"), at=LONG_AGO)
    pipeline.land_prices({"TWOUSDT": "1"}, NOON - MINUTE)
    Coins(pipeline).land_map(coin(1, "TWO"), coin(2, "TWO"))
    Coins(pipeline).land_listings(listed(1, 1.0))
    pipeline.update()
    pipeline.land_info(in_usdt("BTC", "TWO"), at=NOON + minutes * MINUTE)
    pipeline.update()
    assert ("TWO" in matched(pipeline)) == is_matched


@pytest.mark.parametrize(
    ("described_at", "expected"),
    [
        ("2021-04-29T00:00", 4172),
        ("2022-05-27T23:59", 4172),
        ("2022-05-29T00:00", None),
        ("2022-05-31T00:00", 20314),
        ("2024-03-01T12:00", 20314),
    ],
)
def test_luna_is_the_coin_that_it_was_at_the_time(pipeline: Pipeline, described_at: str, expected: int | None) -> None:
    pipeline.land_info(in_usdt("LUNA"), at=datetime.fromisoformat(described_at))
    Coins(pipeline).land_map(coin(4172, "LUNC"), coin(20314, "LUNA"), coin(3, "LUNA", rank=1))
    pipeline.update()
    found = matched(pipeline).get("LUNA")
    assert (found and found[:2]) == (expected and (expected, "override"))
    assert "LUNA" not in unmatched(pipeline)


def test_a_reviewed_coin_that_the_prices_contradict_is_named_by_a_check(pipeline: Pipeline) -> None:
    from binance_assets.checks import RULES

    pipeline.land_info(in_usdt("BTC", "MATIC"), at=NOON - HOUR)
    pipeline.land_prices({"BTCUSDT": "50000"}, NOON - MINUTE)
    Coins(pipeline).land_map(coin(1, "BTC"))
    Coins(pipeline).land_listings(listed(1, 400))
    pipeline.update()
    assert matched(pipeline) == {"BTC": (1, "override", 0.7, 1)}
    named = {}
    with pipeline.warehouse.connect() as connection:
        for rule in RULES:
            if rule.name in {"contradicted_overrides", "overrides_without_coin", "unmatched_currencies"}:
                result = rule.evaluate(connection, "live")
                named[rule.name] = (result.passed, str(result.metadata))
    assert not any(passed for passed, _ in named.values())
    assert "50000" in named["contradicted_overrides"][1]
    assert "MATIC" in named["overrides_without_coin"][1]
    assert "BTC" not in named["unmatched_currencies"][1]


def test_the_exchange_says_what_a_leveraged_token_is_and_no_name_does(pipeline: Pipeline) -> None:
    pipeline.land_info(
        [
            described("XYZUPUSDT", "XYZUP", "USDT", permissions=["LEVERAGED"]),
            described("XYZDOWNUSDT", "XYZDOWN", "USDT", permissions=[], permissionSets=[["LEVERAGED"]]),
            described("JUPUSDT", "JUP", "USDT", permissions=["SPOT", "MARGIN"]),
            described("SYRUPUSDT", "SYRUP", "USDT", permissionSets=[["SPOT", "TRD_GRP_004"]]),
            described("ODDUPUSDT", "ODDUP", "USDT", permissions="LEVERAGED"),
            described("ODDDOWNUSDT", "ODDDOWN", "USDT", permissions={"LEVERAGED": 1}, permissionSets=7),
        ],
        at=LONG_AGO,
    )
    pipeline.land_info([described("XYZUPUSDT", "XYZUP", "USDT", permissions=[])], at=NOON)
    pipeline.update()
    kinds = dict(pipeline.rows("select code, asset_type from core.currency"))
    assert kinds == {
        "XYZUP": "leveraged_token",
        "XYZDOWN": "leveraged_token",
        "JUP": "crypto",
        "SYRUP": "crypto",
        "ODDUP": "leveraged_token",
        "ODDDOWN": "leveraged_token",
        "USDT": "stablecoin",
    }
    before = pipeline.tables()
    pipeline.rebuild()
    assert pipeline.tables() == before


def test_the_reviewed_list_of_coins() -> None:
    rows = package_rows("currency_coinmarketcap.csv")
    spans: dict[str, list[tuple[str, str]]] = {}
    for row in rows:
        assert row["reason"], row
        assert row["coinmarketcap_id"] == "" or int(row["coinmarketcap_id"]) > 0
        assert int(row["units_per_coin"]) >= 1
        spans.setdefault(row["code"], []).append((row["valid_from"] or "0001", row["valid_to"] or "9999"))
    for code, ranges in spans.items():
        ordered = sorted(ranges)
        assert all(start < end for start, end in ordered), code
        assert all(before[1] <= after[0] for before, after in pairwise(ordered)), code
    multiples = {row["code"]: int(row["units_per_coin"]) for row in rows if row["code"].startswith(("1000", "1M"))}
    assert multiples == {"1000SATS": 1000, "1000CAT": 1000, "1000CHEEMS": 1000, "1MBABYDOGE": 1_000_000}


def test_the_project_s_own_lists_of_categories() -> None:
    categories = package_rows("category.csv")
    assert {row["provider"] for row in categories} == set(CATEGORY_PROVIDERS)
    curated = [row for row in categories if row["provider"] == "curated"]
    assert [row["sector"] for row in curated] == [row["name"] for row in curated] == list(SECTORS)
    assert [row["provider"] for row in categories[:8]] == ["curated"] * 8, "their numbers are their places"
    assert {row["sector"] for row in categories} == set(SECTORS)
    names = [row["name"] for row in categories if row["provider"] == "coinmarketcap"]
    assert len(names) == len(set(names))
    members = package_rows("currency_category.csv")
    assert len({(row["code"], row["category"]) for row in members}) == len(members)
    assert {row["category"] for row in members} == {row["external_id"] for row in curated}
    assert len({row["code"] for row in members}) >= 200
    currencies = package_rows("currency.csv")
    assert {row["asset_type"] for row in currencies} <= set(ASSET_TYPES)
    assert len({row["code"] for row in currencies}) == len(currencies)
