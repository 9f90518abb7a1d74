"""Categories and their members over time: of CoinMarketCap's lists, and of the project's own."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from binance_assets.checks import RULES
from binance_assets.core import models as core
from binance_assets.warehouse import Connection
from binance_assets_tests.coins import DEFI, GAMING, Coins, coin, named
from binance_assets_tests.pipeline import NOON, SECOND, Pipeline, described

WEEK = timedelta(days=7)
CODES = [f"C{number}" for number in range(1, 11)]
"""Currencies that no list of the project knows, each the only coin with its symbol and its number."""

Stay = tuple[int, datetime, datetime | None]


@pytest.fixture
def pipeline(tmp_path: Path) -> Pipeline:
    pipeline = Pipeline(tmp_path / "live")
    pipeline.land_info([described(f"{code}USDT", code, "USDT") for code in CODES], at=NOON - WEEK)
    coins = Coins(pipeline)
    coins.land_map(*(coin(number, code) for number, code in enumerate(CODES, 1)), at=NOON - WEEK)
    coins.land("categories", [named(DEFI, "DeFi"), named(GAMING, "Gaming")], at=NOON - WEEK)
    return pipeline


def stays(pipeline: Pipeline, external_id: str = DEFI) -> set[Stay]:
    return {
        (int(code[1:]), valid_from, valid_to)
        for code, valid_from, valid_to in pipeline.rows(
            "select code, valid_from, valid_to from core.currency_category "
            "inner join core.currency using (currency_id) inner join core.category using (category_id) "
            "where external_id = $external_id",
            external_id=external_id,
        )
    }


def expected_stays(lists: Sequence[tuple[datetime, frozenset[int]]]) -> set[Stay]:
    """The same in plain Python, from all lists of a category."""
    since: dict[int, datetime] = {}
    found: set[Stay] = set()
    before = 0
    for at, members in sorted(lists):
        if not members:
            continue
        is_held_back, before = 10 * len(members) < 7 * before, len(members)
        if is_held_back:
            continue
        for gone in since.keys() - members:
            found.add((gone, since.pop(gone), at))
        for new in members - since.keys():
            since[new] = at
    return found | {(number, start, None) for number, start in since.items()}


def shrunken(pipeline: Pipeline) -> list[dict[str, Any]]:
    [rule] = [rule for rule in RULES if rule.name == "shrunken_category"]
    with pipeline.warehouse.connect() as connection:
        result = rule.evaluate(connection, "live")
        core.load_categories(connection)
        connection.run("core/category_list.sql", least_percent=core.LEAST_PERCENT)
        rows = connection.records("core/checks/shrunken_category.sql")
    assert result.passed == (not rows)
    return rows


def test_a_coin_that_returns_has_a_new_row(pipeline: Pipeline) -> None:
    for week, members in enumerate([range(1, 11), range(1, 10), range(1, 11)]):
        Coins(pipeline).land_members(DEFI, members, at=NOON + week * WEEK)
    pipeline.update()
    assert {stay for stay in stays(pipeline) if stay[0] == 10} == {
        (10, NOON, NOON + WEEK),
        (10, NOON + 2 * WEEK, None),
    }
    assert stays(pipeline, GAMING) == set()
    key = "select currency_key from mart.dim_currency where code = 'C10'"
    bridge = f"select valid_from, valid_to from mart.bridge_currency_category where currency_key = ({key}) order by all"
    assert pipeline.rows(bridge) == [
        (NOON, NOON + WEEK),
        (NOON + 2 * WEEK, datetime(9999, 12, 31)),  # noqa: DTZ001
    ]
    shown = (
        "select sectors, primary_sector, sector_provider, coinmarketcap_id from mart.dim_currency where code = 'C10'"
    )
    assert pipeline.rows(shown) == [("DeFi", "DeFi", "coinmarketcap", 10)]


def test_a_list_that_shrinks_is_held_back_until_the_next_one_confirms_it(pipeline: Pipeline) -> None:
    coins = Coins(pipeline)
    coins.land_members(DEFI, range(1, 11), at=NOON)
    coins.land_members(DEFI, range(1, 8), at=NOON + WEEK)
    pipeline.update()
    assert {to for _, _, to in stays(pipeline)} == {None, NOON + WEEK}, "seven of ten are enough"
    assert shrunken(pipeline) == []
    coins.land_members(DEFI, range(1, 4), at=NOON + 2 * WEEK)
    before = stays(pipeline)
    pipeline.update()
    assert stays(pipeline) == before
    assert shrunken(pipeline) == [
        {
            "name": "DeFi",
            "listed_at": NOON + 2 * WEEK,
            "members_before": 7,
            "members": 3,
            "fault": "it is much shorter than the list before",
        }
    ]
    coins.land_members(DEFI, range(1, 4), at=NOON + 3 * WEEK)
    pipeline.update()
    assert {number for number, _, to in stays(pipeline) if to is None} == {1, 2, 3}
    assert (7, NOON, NOON + 3 * WEEK) in stays(pipeline)
    assert shrunken(pipeline) == []
    tables = pipeline.tables()
    pipeline.rebuild()
    assert pipeline.tables() == tables


NO_LIST, NO_MEMBER = "a page of it is no list", "it has no member"


def page(coins: Any) -> dict[str, Any]:
    """A page of a category's members, which may be anything."""
    return named(DEFI, "DeFi") | {"coins": coins}


@pytest.mark.parametrize(
    ("pages", "members", "fault"),
    [
        pytest.param([page(None)], 0, NO_LIST, id="malformed"),
        pytest.param([page([])], 0, NO_MEMBER, id="empty"),
        pytest.param([page([{"id": number} for number in range(1, 10)]), page({})], 9, NO_LIST, id="a page malformed"),
        pytest.param([page("none"), page([{"id": 1}])], 1, NO_LIST, id="the first page malformed"),
    ],
)
def test_an_answer_that_is_no_list_ends_nothing_however_often_it_comes(
    pipeline: Pipeline, pages: list[Any], members: int, fault: str
) -> None:
    coins = Coins(pipeline)
    coins.land_members(DEFI, range(1, 11), at=NOON)
    coins.land_members(DEFI, range(1, 4), at=NOON + WEEK)
    pipeline.update()
    before = stays(pipeline)
    assert {(number, to) for number, _, to in before} == {(number, None) for number in range(1, 11)}
    for week in (2, 3):
        coins.land(f"category/{DEFI}", *pages, at=NOON + week * WEEK)
    coins.land_members(GAMING, [1], at=NOON + 3 * WEEK)
    pipeline.update()
    assert stays(pipeline) == before
    [row] = shrunken(pipeline)
    assert (row["name"], row["members_before"], row["members"], row["fault"]) == ("DeFi", 3, members, fault)
    coins.land_members(DEFI, range(1, 4), at=NOON + 4 * WEEK)
    pipeline.update()
    assert {number for number, _, to in stays(pipeline) if to is None} == {1, 2, 3}, "the list that is held back counts"
    assert (10, NOON, NOON + 4 * WEEK) in stays(pipeline)
    assert shrunken(pipeline) == []


def test_an_empty_page_after_the_last_member_is_part_of_the_list(pipeline: Pipeline) -> None:
    Coins(pipeline).land(f"category/{DEFI}", page([{"id": 1}]), page([]))
    pipeline.update()
    assert stays(pipeline) == {(1, NOON + SECOND, None)}
    assert shrunken(pipeline) == []


def test_what_began_and_ended_is_told(pipeline: Pipeline) -> None:
    coins = Coins(pipeline)
    coins.land_members(DEFI, range(1, 11), at=NOON)
    pipeline.update()
    coins.land_members(DEFI, range(1, 10), at=NOON + WEEK)
    coins.land_members(GAMING, [3], at=NOON + WEEK)
    pipeline.load()
    with pipeline.warehouse.connect() as connection:
        changes = core.load_categories(connection)
        again = core.load_categories(connection)
    assert changes.counts == {"began": 1, "ended": 1, "goes on": 0, "withdrawn": 0}
    told = {(row["code"], row["category"], row["change"], row["valid_from"], row["valid_to"]) for row in changes.newest}
    assert told == {
        ("C3", "Gaming", "began", NOON + WEEK, None),
        ("C10", "DeFi", "ended", NOON, NOON + WEEK),
    }
    assert (sum(again.counts.values()), again.newest) == (0, [])


def test_the_project_s_own_list_goes_before_coinmarketcap_s(pipeline: Pipeline) -> None:
    pipeline.land_info([described("AXSUSDT", "AXS", "USDT")], at=NOON)
    Coins(pipeline).land_map(coin(1, "C1"), coin(6783, "AXS"), at=NOON)
    Coins(pipeline).land_members(DEFI, [1, 6783], at=NOON)
    Coins(pipeline).land_members(GAMING, [1], at=NOON)
    pipeline.update()
    shown = "select code, sectors, primary_sector, sector_provider from mart.dim_currency where code in ('AXS', 'C1')"
    assert sorted(pipeline.rows(shown)) == [
        ("AXS", "Gaming & Metaverse · NFTs", "Gaming & Metaverse", "curated"),
        ("C1", "DeFi · Gaming & Metaverse", "Gaming & Metaverse", "coinmarketcap"),
    ]
    primary = "select primary_sector from mart.dim_pair where base_code = 'AXS'"
    assert pipeline.rows(primary) == [("Gaming & Metaverse",)]


def store_list(connection: Connection, number: int, at: datetime, members: frozenset[int]) -> None:
    """What loading a list's landing file does, without the file."""
    connection.rows(
        "insert into open.capture by name select $id as capture_id, $endpoint as endpoint, 'live' as source, "
        "$at::timestamp as received_at, $size::integer as row_count, '' as sha256, $id as file",
        id=f"list{number:02}",
        endpoint=f"coinmarketcap/category/{DEFI}",
        at=at,
        size=len(members),
    )
    connection.rows(
        "insert into raw.coinmarketcap_category_coin by name select $id as capture_id, $category as external_id, "
        "unnest($members::integer[]) as coinmarketcap_id, $at::timestamp as listed_at",
        id=f"list{number:02}",
        category=DEFI,
        members=sorted(members),
        at=at,
    )


def test_memberships_equal_an_independent_computation_in_any_order(pipeline: Pipeline) -> None:
    pipeline.update()
    members = st.frozensets(st.integers(1, 12), max_size=12)

    @given(lists=st.lists(members, min_size=1, max_size=8), data=st.data())
    @settings(max_examples=12, deadline=None, derandomize=True, phases=[Phase.generate])
    def compare(lists: list[frozenset[int]], data: st.DataObject) -> None:
        dated = [(NOON + number * WEEK, members) for number, members in enumerate(lists)]
        order = data.draw(st.permutations(range(len(dated))))
        with pipeline.warehouse.connect() as connection:
            connection.rows("delete from open.capture where starts_with(endpoint, 'coinmarketcap/category/')")
            connection.rows("delete from raw.coinmarketcap_category_coin")
            for number in order:
                store_list(connection, number, *dated[number])
                core.load_categories(connection)
        known = {stay for stay in expected_stays(dated) if stay[0] <= len(CODES)}
        assert stays(pipeline) == known

    compare()


def test_the_model_itself() -> None:
    """Ten, then six of them (held back), then the same six (believed)."""
    ten, six = frozenset(range(10)), frozenset(range(6))
    found = expected_stays([(NOON, ten), (NOON + WEEK, six), (NOON + 2 * WEEK, six)])
    assert found == {(n, NOON, None if n in six else NOON + 2 * WEEK) for n in ten}
