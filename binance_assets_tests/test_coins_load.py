"""Answers of CoinMarketCap in the holding tables: what is right of them, the newest, for ever."""

from __future__ import annotations

import itertools
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from binance_assets import lake
from binance_assets.lake.retention import drop_landed_files
from binance_assets_tests.coins import DEFI, GAMING, Coins, coin, listed, named
from binance_assets_tests.pipeline import HOUR, NOON, SECOND, Pipeline

DAY = timedelta(days=1)


@pytest.fixture
def pipeline(tmp_path: Path) -> Pipeline:
    return Pipeline(tmp_path / "live")


@pytest.fixture
def coins(pipeline: Pipeline) -> Coins:
    return Coins(pipeline)


def test_without_any_answer_there_are_the_project_s_own_categories(pipeline: Pipeline) -> None:
    pipeline.land_info()
    pipeline.update()
    assert pipeline.rows("select provider, count(*) from core.category group by provider") == [("curated", 8)]
    assert pipeline.rows("from core.currency_coinmarketcap") == pipeline.rows("from core.unmatched_currency") == []
    shown = pipeline.rows("select sectors, sector_provider, coinmarketcap_id from mart.dim_currency where code = 'BTC'")
    assert shown == [("Layer 1 & Layer 2", "curated", None)]
    assert pipeline.rows("select primary_sector from mart.dim_pair where symbol = 'USDTTRY'") == [("Stablecoins",)]


BAD_ROWS: dict[str, list[tuple[Any, str]]] = {
    "map": [
        ("BTC", "it is not an object"),
        (None, "it is not an object"),
        (coin(9, "A") | {"id": None}, "its id is missing or no number of a coin"),
        (coin(9, "A") | {"id": "9"}, "its id is missing or no number of a coin"),
        (coin(9, "A") | {"id": 9.5}, "its id is missing or no number of a coin"),
        (coin(9, "A") | {"id": 0}, "its id is missing or no number of a coin"),
        (coin(9, "A") | {"id": 2**40}, "its id is missing or no number of a coin"),
        (coin(9, " "), "its symbol is missing or not text"),
        (coin(9, "A") | {"symbol": 1}, "its symbol is missing or not text"),
        (coin(9, "A", name=None), "its name is missing or not text"),
        (coin(9, "A", slug=3), "its slug is missing or not text"),
        (coin(9, "A") | {"rank": "first"}, "its rank is no whole number"),
        (coin(9, "A") | {"rank": 2**40}, "its rank is no whole number"),
        (coin(9, "A") | {"is_active": 7}, "its is_active is missing or neither 0 nor 1"),
        (coin(1, "AGAIN"), "its id stood in the answer before; the first row was kept"),
    ],
    "listings": [
        (listed(9, 1) | {"id": None}, "its id is missing or no number of a coin"),
        (listed(9, 1) | {"quote": {}}, "its price in USD is missing or no number"),
        (listed(9, 1) | {"quote": {"USD": {"price": "1"}}}, "its price in USD is missing or no number"),
        (listed(9, -1.5), "its price in USD is missing or no number"),
    ],
    "categories": [
        (named(DEFI, "DeFi") | {"id": 5}, "its id is missing or not text"),
        (named("9" * 24, ""), "its name is missing or not text"),
    ],
}


@pytest.mark.parametrize("endpoint", BAD_ROWS)
def test_a_row_that_is_not_right_is_quarantined_and_stops_no_other(
    pipeline: Pipeline, coins: Coins, endpoint: str
) -> None:
    good = {"map": coin(1, "BTC", rank=None), "listings": listed(1, 5e-9), "categories": named(DEFI, "DeFi")}[endpoint]
    pages = [good, *(row for row, _ in BAD_ROWS[endpoint])]
    coins.land(endpoint, pages)
    pipeline.load()
    assert pipeline.rows("select position - 2, reason from raw.quarantine order by position") == [
        (position, reason) for position, (_, reason) in enumerate(BAD_ROWS[endpoint])
    ]
    table = {"map": "coin", "listings": "listing", "categories": "category"}[endpoint]
    assert pipeline.rows(f"select count(*) from raw.coinmarketcap_{table}") == [(1,)]
    assert pipeline.rows("select row_count from raw.capture") == [(len(pages),)]


@pytest.mark.parametrize("data", [None, {}, "none", 5])
def test_an_answer_without_a_list_is_quarantined_and_takes_nothing_away(
    pipeline: Pipeline, coins: Coins, data: Any
) -> None:
    coins.land_map(coin(1, "BTC"))
    coins.land("map", data, at=NOON + DAY)
    coins.land("map", [], at=NOON + 2 * DAY)
    coins.land(f"category/{DEFI}", data, at=NOON + DAY)
    pipeline.load()
    assert pipeline.rows("select symbol from raw.coinmarketcap_coin") == [("BTC",)]
    reasons = {reason for (reason,) in pipeline.rows("select reason from raw.quarantine")}
    assert "its data is missing or no list" in reasons
    pipeline.update()


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_the_newest_answer_counts_in_any_order_of_loading(
    pipeline: Pipeline, coins: Coins, order: tuple[int, ...]
) -> None:
    for number in order:
        at = NOON + number * DAY
        coins.land("map", [coin(1, f"ONE{number}")], [coin(2 + number, "TWO")], at=at)
        coins.land_listings(listed(1, number), at=at)
        coins.land(
            "categories", [named(DEFI, f"DeFi {number}"), named(GAMING, "Gaming")][:: 1 - 2 * (number % 2)], at=at
        )
        pipeline.load()
    in_map = [NOON + number * DAY + SECOND for number in range(3)]
    assert pipeline.rows("select coinmarketcap_id, symbol, listed_at from raw.coinmarketcap_coin order by all") == [
        (1, "ONE2", in_map[2]),
        (2, "TWO", in_map[0]),
        (3, "TWO", in_map[1]),
        (4, "TWO", in_map[2]),
    ], "coins that are not in the newest map any more are kept"
    assert pipeline.rows("select listed_at, price_usd from raw.coinmarketcap_listing order by all") == [
        (NOON + number * DAY, number) for number in range(3)
    ]
    assert pipeline.rows("select name from raw.coinmarketcap_category order by external_id") == [
        ("DeFi 2",),
        ("Gaming",),
    ]
    pipeline.update()
    ids = pipeline.rows("select external_id, category_id from core.category where category_id > 100 order by all")
    first = order[0] % 2
    assert ids == [(DEFI, 101 + first), (GAMING, 102 - first)], "their numbers are in order of landing"
    before = pipeline.tables()
    pipeline.rebuild()
    assert pipeline.tables() == before


@pytest.mark.parametrize("is_first", [True, False])
def test_of_two_listings_of_one_instant_the_same_one_counts_in_any_order(
    pipeline: Pipeline, coins: Coins, is_first: bool
) -> None:
    prices = {True: {1: 1.0, 2: 2.0}, False: {1: 10.0}}
    for which in (is_first, not is_first):
        coins.land_listings(*(listed(number, price) for number, price in prices[which].items()))
        pipeline.load()
    [stored] = pipeline.rows(
        "select map_from_entries(list((coinmarketcap_id, price_usd))) from raw.coinmarketcap_listing"
    )
    [(newest,)] = pipeline.rows("select max_by(row_count, capture_id) from raw.capture")
    assert stored == (prices[newest == 2],)
    before = pipeline.tables()
    pipeline.rebuild()
    for table in ("raw.coinmarketcap_listing", "meta.coin_listing"):
        assert len(pipeline.tables()[table]) == len(before[table])
    assert pipeline.tables()["raw.coinmarketcap_listing"] == before["raw.coinmarketcap_listing"]


def test_pages_of_a_list_that_overlap(pipeline: Pipeline, coins: Coins) -> None:
    first, second = (named(DEFI, "DeFi") | {"coins": [{"id": n} for n in numbers]} for numbers in ((1, 2), (2, 3)))
    coins.land(f"category/{DEFI}", first, second)
    pipeline.load()
    kept = pipeline.rows("select external_id, coinmarketcap_id from raw.coinmarketcap_category_coin order by all")
    assert kept == [(DEFI, 1), (DEFI, 2), (DEFI, 3)]
    assert pipeline.rows("select name from raw.coinmarketcap_category") == [("DeFi",)]
    assert pipeline.rows("select reason from raw.quarantine") == [
        ("its id stood in the answer before; the first row was kept",)
    ]


def test_what_is_known_of_coins_outlives_sealed_days_and_dropped_files(pipeline: Pipeline, coins: Coins) -> None:
    pipeline.land_info(at=NOON - HOUR)
    map_file = coins.land_map(coin(1, "BTC"), {"id": "bad"}, at=NOON)
    members = coins.land_members(DEFI, [1], at=NOON)
    for day in range(3):
        for number in range(3):
            pipeline.land_prices({"BTCUSDT": "60000.5"}, NOON + day * DAY + number * 20 * SECOND)
        pipeline.land_prices({"BTCUSDT": "60000.5"}, NOON + day * DAY + 11 * HOUR)
    pipeline.update()
    with pipeline.warehouse.connect() as connection:
        days = lake.sealable_days(connection)
    assert days
    for day in days:
        lake.seal(pipeline.warehouse, day)
    assert drop_landed_files(pipeline.warehouse, pipeline.landing, keep_days=1) > 0
    assert (pipeline.landing.path / map_file.name).exists()
    assert (pipeline.landing.path / members.name).exists()
    kept = "select endpoint from open.capture where endpoint <> 'ticker/price' order by all"
    assert pipeline.rows(kept) == [(f"coinmarketcap/category/{DEFI}",), ("coinmarketcap/map",), ("exchangeInfo",)]
    facts = ("raw.quarantine", "raw.coinmarketcap_coin", "core.currency_coinmarketcap", "core.currency_category")
    before = {table: pipeline.rows(f"from {table} order by all") for table in facts}
    pipeline.update()
    assert {table: pipeline.rows(f"from {table} order by all") for table in facts} == before
    pipeline.rebuild()
    assert {table: pipeline.rows(f"from {table} order by all") for table in facts} == before
