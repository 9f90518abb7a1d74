"""Matches that do not flip: what one day says of a coin, or does not say, changes nothing of what the others said."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest import mock

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from binance_assets.core import models as core
from binance_assets.raw.rebuild import rebuild
from binance_assets_tests.coins import DEFI, Coins, coin, listed
from binance_assets_tests.pipeline import HOUR, MINUTE, NOON, Pipeline, described

DAY = timedelta(days=1)

OTHERS = [f"X{number}" for number in range(10)]
"""Currencies that only make the market so large that it is not much smaller without one of the others."""

PRICES = {"BTC": "50000", "UNO": "1", "TWO": "2"}
"""On the exchange, in USDT. UNO is the only coin with its symbol, TWO the better of two coins with theirs."""

UNTRADED = tuple(coin(1000 + number, f"Z{number}") for number in range(6))
"""Coins that only make the map so large that it is not much smaller without some of the others."""

COINS = (coin(1, "BTC"), coin(11, "UNO"), coin(21, "TWO"), coin(22, "TWO"), *UNTRADED)
LISTED = {1: 50_000.0, 11: 1.003, 21: 2.006, 22: 7.0}

MATCHED = {"BTC": (1, "override"), "UNO": (11, "unique_symbol"), "TWO": (21, "rank_and_price")}


@dataclass(frozen=True)
class Day:
    """What comes on one day at noon: metadata and a map only if they are named, prices and listings as always."""

    pairs: Sequence[str] | None = None
    prices: Mapping[str, str] = field(default_factory=lambda: PRICES)
    coins: Sequence[dict[str, Any]] | None = None
    listed: Mapping[int, float] = field(default_factory=lambda: LISTED)


def land(pipeline: Pipeline, number: int, day: Day) -> None:
    """Land a day."""
    at = NOON + number * DAY
    if day.pairs is not None:
        pipeline.land_info([described(f"{code}USDT", code, "USDT") for code in day.pairs], at=at - HOUR)
    if day.prices:
        pipeline.land_prices({f"{code}USDT": price for code, price in day.prices.items()}, at - MINUTE)
    if day.coins is not None:
        Coins(pipeline).land_map(*day.coins, at=at)
    if day.listed:
        Coins(pipeline).land_listings(*(listed(number, price) for number, price in day.listed.items()), at=at)


@pytest.fixture(scope="module")
def seven_days(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a store with seven days on which everything agreed, and a category's list with all the coins."""
    folder = tmp_path_factory.mktemp("seven_days") / "live"
    pipeline = Pipeline(folder)
    for number in range(7):
        land(pipeline, number, Day() if number else Day([*PRICES, *OTHERS], coins=COINS))
    Coins(pipeline).land("categories", [{"id": DEFI, "name": "DeFi", "num_tokens": 4}], at=NOON - DAY)
    Coins(pipeline).land_members(DEFI, [1, 11, 21, 22], at=NOON - DAY)
    pipeline.update()
    assert matched(pipeline) == MATCHED
    return folder


@pytest.fixture
def pipeline(seven_days: Path, tmp_path: Path) -> Pipeline:
    """A copy of it."""
    return Pipeline(Path(shutil.copytree(seven_days, tmp_path / "live")))


def match(pipeline: Pipeline) -> int:
    """Load what was landed and match anew; the number of listings that were compared."""
    pipeline.load()
    with pipeline.warehouse.connect() as connection:
        core.load_currencies(connection)
        core.load_pairs(connection)
        core.load_pair_history(connection)
        core.load_prices(connection)
        compared = core.match_currencies(connection)
        core.load_categories(connection)
    return compared


def matched(pipeline: Pipeline) -> dict[str, tuple[int, str]]:
    return {
        code: (number, method)
        for code, number, method in pipeline.rows(
            "select code, coinmarketcap_id, method "
            "from core.currency_coinmarketcap inner join core.currency using (currency_id)"
        )
    }


def doubt(pipeline: Pipeline, code: str) -> str:
    [(reason,)] = pipeline.rows(
        "select reason from core.unmatched_currency inner join core.currency using (currency_id) where code = $code",
        code=code,
    )
    return str(reason)


def evidence(pipeline: Pipeline, code: str) -> str:
    [(text,)] = pipeline.rows(
        "select evidence from core.currency_coinmarketcap inner join core.currency using (currency_id) "
        "where code = $code",
        code=code,
    )
    return str(text)


def changed(items: Mapping[Any, Any], **values: Any) -> dict[Any, Any]:
    return {**items, **values}


def without(items: Mapping[Any, Any], *keys: Any) -> dict[Any, Any]:
    return {key: value for key, value in items.items() if key not in keys}


GONE = tuple(row for row in COINS if row["id"] not in (11, 21))

LOST: dict[str, Sequence[Day]] = {
    "the collector was down": [Day(prices={})],
    "the exchange's price is wrong": [Day(prices={"BTC": "50000", "UNO": "1000", "TWO": "7"})],
    "the price in the listings is wrong": [Day(listed=LISTED | {11: 1e-6, 21: 7.0})],
    "the coin is not in the listings": [Day(listed={1: 50_000.0, 22: 7.0})],
    "the pair was removed": [
        Day(pairs=["BTC", *OTHERS], prices={"BTC": "50000"}),
        *[Day(prices={"BTC": "50000"})] * 19,
    ],
    "the coin left the map": [Day(coins=GONE), *[Day(listed=without(LISTED, 11, 21))] * 7],
    "the coin is not active any more": [
        Day(coins=(*GONE, coin(11, "UNO", active=False), coin(21, "TWO", active=False)))
    ],
    "the coin has another symbol now": [Day(coins=(*GONE, coin(11, "UNX"), coin(21, "TWX")))],
    "the coin left the map, and later others took its symbol": [
        Day(["BTC", *OTHERS], {"BTC": "50000"}, GONE, without(LISTED, 11, 21)),
        Day(None, {"BTC": "50000"}, (*GONE, coin(99, "UNO", rank=1)), without(LISTED, 11, 21)),
        *[Day(None, {"BTC": "50000"}, None, without(LISTED, 11, 21))] * 6,
    ],
}


@pytest.mark.parametrize("name", LOST)
def test_a_match_and_its_past_survive(pipeline: Pipeline, name: str) -> None:
    past = (
        "from core.currency_category order by all",
        "select * from mart.fact_sector_hour where hour_utc < $until order by all",
    )

    def known() -> list[list[tuple[Any, ...]]]:
        return [pipeline.rows(past[0]), pipeline.rows(past[1], until=NOON + 6 * DAY)]

    before = known()
    assert len(before[0]) >= 3
    assert len([row for row in before[1] if "coinmarketcap" in row]) == 7
    for number, day in enumerate(LOST[name], 7):
        land(pipeline, number, day)
    pipeline.update()
    assert {code: found[0] for code, found in matched(pipeline).items()} == {"BTC": 1, "UNO": 11, "TWO": 21}
    assert known() == before


def test_what_most_of_seven_listings_say_counts(pipeline: Pipeline) -> None:
    assert evidence(pipeline, "UNO") == (
        "UNO: the only active coin with this symbol; "
        "median of 7 listings 0.3 % apart, the newest, of 2024-03-07, at 1.003 USD, on the exchange at 1 USDT"
    )
    for number in range(7, 10):
        land(pipeline, number, Day(prices={"BTC": "50000", "UNO": "3", "TWO": "4"}))
    match(pipeline)
    assert matched(pipeline) == MATCHED
    land(pipeline, 10, Day(prices={"BTC": "50000", "UNO": "3", "TWO": "4"}))
    match(pipeline)
    assert matched(pipeline) == without(MATCHED, "UNO", "TWO")
    assert doubt(pipeline, "UNO") == "the only active coin has another price"
    assert doubt(pipeline, "TWO") == "several active coins, and the best-ranked has another price"
    for number in range(11, 15):
        land(pipeline, number, Day(listed=LISTED | {21: 2.0}))
    pipeline.update()
    assert matched(pipeline) == MATCHED
    tables = pipeline.tables()
    pipeline.rebuild()
    assert pipeline.tables() == tables


def test_an_active_coin_that_took_over_symbol_and_price_goes_before_one_that_is_gone(pipeline: Pipeline) -> None:
    coins = (*GONE, coin(12, "UNO"))
    land(pipeline, 7, Day(prices=PRICES | {"UNO": "30"}, coins=coins, listed=without(LISTED, 11) | {12: 31.0}))
    match(pipeline)
    assert matched(pipeline)["UNO"] == (12, "unique_symbol")


@pytest.mark.parametrize(
    ("coins", "prices", "expected"),
    [
        pytest.param([coin(31, "NEW")], {31: 5.0}, (31, "unique_symbol"), id="one, and it has the price"),
        pytest.param([coin(31, "NEW")], {31: 5.5}, None, id="one with another price"),
        pytest.param([coin(31, "NEW")], {}, None, id="one without a price"),
        pytest.param([coin(31, "NEW"), coin(32, "NEW")], {31: 5.0, 32: 9.0}, (31, "rank_and_price"), id="the best"),
        pytest.param([coin(31, "NEW"), coin(32, "NEW")], {31: 9.0, 32: 5.0}, (32, "rank_and_price"), id="the second"),
        pytest.param([coin(31, "NEW"), coin(32, "NEW")], {31: 5.0, 32: 5.1}, None, id="both"),
        pytest.param(
            [coin(31, "NEW") | {"rank": None}, coin(32, "NEW") | {"rank": None}],
            {31: 5.0},
            (31, "rank_and_price"),
            id="without a rank",
        ),
        pytest.param([coin(31, "New")], {31: 5.0}, None, id="another symbol"),
    ],
)
@pytest.mark.parametrize("leaves", [True, False])
def test_a_coin_that_is_gone_needs_the_price(
    tmp_path: Path,
    coins: Sequence[dict[str, Any]],
    prices: Mapping[int, float],
    expected: tuple[int, str] | None,
    leaves: bool,
) -> None:
    pipeline = Pipeline(tmp_path / "live")
    land(pipeline, 0, Day(pairs=["NEW"], prices={"NEW": "5"}, coins=coins, listed=prices))
    later = COINS if leaves else (*COINS, *(row | {"is_active": 0} for row in coins))
    land(pipeline, 1, Day(prices={"NEW": "5"}, coins=later))
    match(pipeline)
    assert matched(pipeline).get("NEW") == expected
    if expected is None:
        assert doubt(pipeline, "NEW") == "no active coin has this symbol"
        shown = pipeline.rows(
            "select coinmarketcap_id, is_active, price_usd from core.unmatched_currency_candidate order by all"
        )
        assert shown == [(row["id"], False, None) for row in coins]
    else:
        assert "not active any more" in evidence(pipeline, "NEW")


@pytest.mark.parametrize("rank", [3, None])
def test_of_coins_that_are_gone_the_one_with_the_price_counts_whatever_its_rank(
    pipeline: Pipeline, rank: int | None
) -> None:
    land(pipeline, -30, Day(prices={}, coins=(*COINS, coin(5, "UNO") | {"rank": rank}), listed={}))
    land(pipeline, 7, Day(coins=[row for row in COINS if row["id"] != 11], listed=without(LISTED, 11)))
    match(pipeline)
    assert matched(pipeline) == MATCHED | {"UNO": (11, "rank_and_price")}
    assert "the one of 2 coins with this symbol that are not active any more" in evidence(pipeline, "UNO")


def test_an_active_coin_that_is_only_near_does_not_replace_one_that_is_gone(pipeline: Pipeline) -> None:
    land(pipeline, 7, Day(coins=(*GONE, coin(12, "UNO")), listed=without(LISTED, 11) | {12: 1.15}))
    match(pipeline)
    assert matched(pipeline)["UNO"] == (11, "unique_symbol")


FAULTY: dict[str, Sequence[Any]] = {
    "a page is no list": [[COINS[0]], None],
    "it is much shorter": [[COINS[0], *UNTRADED[:5]]],
    "rows are refused": [[row | {"rank": "?"} if row["id"] in (11, 21) else row for row in COINS]],
    "rows of unknown coins are refused": [[*COINS, coin(12, "UNO") | {"is_active": "?"}]],
}


@pytest.mark.parametrize("name", FAULTY)
def test_a_faulty_map_makes_no_coin_inactive(pipeline: Pipeline, name: str) -> None:
    before = pipeline.rows("from core.currency_coinmarketcap order by all")
    Coins(pipeline).land("map", *FAULTY[name], at=NOON + 7 * DAY)
    match(pipeline)
    assert pipeline.rows("from core.currency_coinmarketcap order by all") == before


def test_a_map_as_short_as_the_one_before_is_believed(pipeline: Pipeline) -> None:
    for number, sentence in ((7, "the only active coin"), (8, "a coin with this symbol that is not active any more")):
        Coins(pipeline).land_map(COINS[0], *UNTRADED[:5], at=NOON + number * DAY)
        match(pipeline)
        assert sentence in evidence(pipeline, "UNO")


def test_a_refused_row_may_be_another_coin_with_the_symbol(tmp_path: Path) -> None:
    pipeline = Pipeline(tmp_path / "live")
    land(pipeline, 0, Day(pairs=["NEW"], prices={}, coins=[coin(31, "NEW"), coin(32, "NEW") | {"id": "?"}]))
    match(pipeline)
    assert doubt(pipeline, "NEW") == "a row of the newest map with this symbol was refused"
    land(pipeline, 1, Day(prices={}, coins=[coin(31, "NEW")]))
    match(pipeline)
    assert matched(pipeline) == {"NEW": (31, "unique_symbol")}


def test_a_match_by_a_price_that_may_be_old_is_less_certain(pipeline: Pipeline) -> None:
    confidence = "select confidence from core.currency_coinmarketcap where coinmarketcap_id = 11"
    assert pipeline.rows(confidence) == [(0.9,)]
    land(pipeline, 7, Day(prices=PRICES | {"UNO": "900"}, listed=without(LISTED, 11)))
    match(pipeline)
    assert pipeline.rows(confidence) == [(0.7,)]


@pytest.mark.parametrize("symbols", [("UNO-USDT", "UNOUSDT"), ("UNOUSDT", "UNO-USDT")])
def test_of_two_pairs_of_the_same_currencies_always_the_same_counts(tmp_path: Path, symbols: Sequence[str]) -> None:
    pipeline = Pipeline(tmp_path / "live")
    pipeline.land_info([described(symbol, "UNO", "USDT") for symbol in symbols], at=NOON - HOUR)
    pipeline.land_prices({"UNOUSDT": "1", "UNO-USDT": "9"}, NOON - MINUTE)
    Coins(pipeline).land_map(coin(11, "UNO"))
    Coins(pipeline).land_listings(listed(11, 9.0))
    match(pipeline)
    assert matched(pipeline)["UNO"] == (11, "unique_symbol")


def test_a_usdt_is_a_dollar_before_it_is_known_as_well(tmp_path: Path) -> None:
    pipeline = Pipeline(tmp_path / "live")
    Coins(pipeline).land_map(coin(825, "USDT"))
    Coins(pipeline).land_listings(listed(825, 1.0))
    assert match(pipeline) == 1
    pipeline.land_info([described("UNOUSDT", "UNO", "USDT")], at=NOON + 2 * HOUR)
    assert match(pipeline) == 1
    assert "median of 1 listing 0.0 % apart" in evidence(pipeline, "USDT")
    assert match(pipeline) == 0


def test_a_reviewed_coin_stays_when_it_leaves_the_map(pipeline: Pipeline) -> None:
    land(pipeline, 7, Day(coins=COINS[1:], listed=without(LISTED, 1)))
    match(pipeline)
    assert matched(pipeline)["BTC"] == (1, "override")


def test_without_any_rank_the_best_ranked_is_a_guess(tmp_path: Path) -> None:
    pipeline = Pipeline(tmp_path / "live")
    coins = [coin(31, "NEW") | {"rank": None}, coin(32, "NEW") | {"rank": None}]
    land(pipeline, 0, Day(pairs=["NEW"], prices={"NEW": "5"}, coins=coins, listed={31: 5.0, 32: 9.0}))
    match(pipeline)
    assert doubt(pipeline, "NEW") == "several active coins, and none has a rank"
    land(pipeline, 1, Day(coins=[coins[0], coin(32, "NEW", rank=4000)], listed={31: 5.0, 32: 9.5}))
    match(pipeline)
    assert doubt(pipeline, "NEW") == "several active coins, and the best-ranked has another price"
    assert pipeline.rows("select coinmarketcap_id, price_usd from core.unmatched_currency_candidate order by all") == [
        (31, 5.0),
        (32, 9.5),
    ]


def test_only_listings_of_which_something_new_is_known_are_compared(pipeline: Pipeline) -> None:
    assert match(pipeline) == 0
    land(pipeline, 7, Day())
    assert match(pipeline) == 1
    assert match(pipeline) == 0
    late: dict[str, tuple[Callable[[], object], int]] = {
        "prices of another time": (lambda: pipeline.land_prices({"UNOUSDT": "1"}, NOON + 5 * HOUR), 0),
        "late prices": (lambda: pipeline.land_prices({"UNOUSDT": "1"}, NOON + DAY - 59 * MINUTE), 1),
        "listings that are known": (lambda: Coins(pipeline).land_listings(listed(1, 50_000.0), at=NOON + DAY), 1),
        "metadata": (lambda: pipeline.land_info(at=NOON + 7 * DAY + 61 * MINUTE), 0),
        "late metadata": (lambda: pipeline.land_info(at=NOON + 4 * DAY + 30 * MINUTE), 4),
    }
    for name, (happen, expected) in late.items():
        happen()
        assert match(pipeline) in ({expected} if name != "listings that are known" else {0, 1}), name
        assert match(pipeline) == 0, name


def test_an_older_comparison_takes_the_place_of_one_that_is_lost(pipeline: Pipeline) -> None:
    """Late metadata says that the pair was halted when the newest listings came."""
    days = (
        "select listed_at::date - '2024-03-01'::date from meta.coin_comparison where coinmarketcap_id = 11 order by 1"
    )
    assert pipeline.rows(days) == [(number,) for number in range(7)]
    land(pipeline, 7, Day())
    match(pipeline)
    assert pipeline.rows(days) == [(number,) for number in range(1, 8)]
    for hours, status in ((-1, "BREAK"), (1, "TRADING")):
        pairs = [described(f"{code}USDT", code, "USDT", status=status) for code in (*PRICES, *OTHERS)]
        pipeline.land_info(pairs, at=NOON + 7 * DAY + hours * HOUR)
    assert match(pipeline) == 1
    assert pipeline.rows(days) == [(number,) for number in range(7)]
    land(pipeline, 8, Day())
    match(pipeline)
    assert pipeline.rows(days) == [(number,) for number in (1, 2, 3, 4, 5, 6, 8)]


TABLES = (
    "raw.coinmarketcap_coin",
    "raw.coinmarketcap_listing",
    "meta.coin_map",
    "meta.coin_symbol",
    "meta.refused_coin",
    "meta.coin_listing",
    "meta.compared_price",
    "meta.coin_candidate",
    "meta.coin_comparison",
    "core.currency_coinmarketcap",
    "core.unmatched_currency",
    "core.unmatched_currency_candidate",
)


def known(pipeline: Pipeline) -> dict[str, list[tuple[Any, ...]]]:
    """The tables of matching, captures by what they are instead of when they were landed."""
    return {table: pipeline.rows(f"from {table} order by all") for table in TABLES}


def events() -> st.SearchStrategy[list[tuple[str, datetime, Any]]]:
    """Metadata, prices, maps and listings of four days, at the bounds of the hours around the listings."""
    at = st.builds(
        lambda day, minutes: NOON + day * DAY + minutes * MINUTE,
        st.integers(0, 3),
        st.sampled_from([-61, -59, -30, -1, 1, 59, 61]),
    )
    noon = st.builds(lambda day: NOON + day * DAY, st.integers(0, 3))
    status = st.sampled_from(["TRADING", "BREAK"])
    prices = st.dictionaries(st.sampled_from(["UNOUSDT", "TWOUSDT"]), st.sampled_from(["1", "2"]), min_size=1)
    usd = st.dictionaries(st.sampled_from([11, 21, 22, 23]), st.sampled_from([1.0, 2.0]), min_size=2)
    return st.lists(
        st.one_of(
            st.tuples(st.just("info"), at, st.tuples(status, status)),
            st.tuples(st.just("prices"), at, prices),
            st.tuples(st.just("map"), noon, st.frozensets(st.sampled_from([11, 21, 22, 23]), min_size=3)),
            st.tuples(st.just("listings"), noon, usd),
        ),
        min_size=12,
        max_size=16,
        unique_by=lambda event: (event[0], event[1]),
    )


def happen(pipeline: Pipeline, kind: str, at: datetime, what: Any) -> None:
    if kind == "info":
        pairs = zip(("UNO", "TWO"), what, strict=True)
        pipeline.land_info([described(f"{code}USDT", code, "USDT", status=status) for code, status in pairs], at=at)
    elif kind == "prices":
        pipeline.land_prices(what, at)
    elif kind == "map":
        coins = {11: "UNO", 21: "TWO", 22: "TWO", 23: "UNO" if at.day % 2 else "TWO"}
        Coins(pipeline).land_map(
            *(coin(number, coins[number], active=at.day % 5 > 0) for number in sorted(what)), at=at
        )
    else:
        Coins(pipeline).land_listings(*(listed(number, price) for number, price in sorted(what.items())), at=at)


@given(events=events(), data=st.data())
@settings(max_examples=2, deadline=None, derandomize=True, phases=[Phase.generate])
def test_any_order_gives_the_same_matches(events: list[tuple[str, datetime, Any]], data: st.DataObject) -> None:
    """With the newest two comparisons instead of seven, so that few events are enough to fill them."""
    in_any_order = data.draw(st.permutations(events))
    found = []
    with TemporaryDirectory() as folder, mock.patch.object(core, "COMPARISONS", 2):
        for name, order, every in (
            ("a", sorted(events, key=lambda event: event[1]), len(events)),
            ("b", in_any_order, 3),
        ):
            pipeline = Pipeline(Path(folder) / name)
            happen(pipeline, "info", NOON + 90 * MINUTE, ("TRADING", "TRADING"))
            for number, event in enumerate(order, 1):
                happen(pipeline, *event)
                if number % every == 0:
                    match(pipeline)
            match(pipeline)
            found.append(known(pipeline))
        rebuild(pipeline.warehouse, pipeline.landing)
        match(pipeline)
        found.append(known(pipeline))
    assert found[0] == found[1] == found[2]
