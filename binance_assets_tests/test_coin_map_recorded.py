"""Matching on the recorded map of CoinMarketCap: 8,829 coins, 939 symbols of which are shared."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from binance_assets_tests.coins import Coins, listed
from binance_assets_tests.pipeline import NOON, Pipeline, described
from binance_assets_tests.recorded import coin_map, needs_recordings, recorded_metadata

pytestmark = needs_recordings


@pytest.fixture(scope="module")
def coins() -> list[dict[str, Any]]:
    return coin_map()


@pytest.fixture(scope="module")
def by_symbol(coins: list[dict[str, Any]]) -> dict[str, list[int]]:
    """The numbers of the coins of each symbol, best rank first."""
    found: dict[str, list[int]] = defaultdict(list)
    for coin in sorted(coins, key=lambda coin: coin["rank"]):
        found[coin["symbol"]].append(coin["id"])
    return found


def outcome(pipeline: Pipeline) -> tuple[dict[str, tuple[int, str]], dict[str, str], set[tuple[str, int]]]:
    """What is matched and how, what is not and why, and the candidates."""
    of_currency = "inner join core.currency using (currency_id)"
    matched = pipeline.rows(f"select code, coinmarketcap_id, method from core.currency_coinmarketcap {of_currency}")
    return (
        {code: (number, method) for code, number, method in matched},
        dict(pipeline.rows(f"select code, reason from core.unmatched_currency {of_currency}")),
        set(pipeline.rows(f"select code, coinmarketcap_id from core.unmatched_currency_candidate {of_currency}")),
    )


def test_the_currencies_of_the_exchange(
    tmp_path: Path, coins: list[dict[str, Any]], by_symbol: dict[str, list[int]]
) -> None:
    assert len(coins) == 8829
    shared = {symbol for symbol, numbers in by_symbol.items() if len(numbers) > 1}
    assert len(shared) == 939
    pipeline = Pipeline(tmp_path / "live")
    for name in ("spot_20201009.json.gz", "spot_20210429.json.gz", "spot_20250807_trimmed25.json"):
        for capture in recorded_metadata(f"exchange_info/{name}"):
            pipeline.landing.land(capture)
    later = [described(f"{code}USDT", code, "USDT") for code in ("PEPE", "1000SATS", "POL", "MATIC", "JUP", "BEAMX")]
    pipeline.land_info(later, at=NOON)
    Coins(pipeline).land("map", coins[:5000], coins[5000:], at=NOON)
    pipeline.update()
    matched, unmatched, candidates = outcome(pipeline)

    assert matched["BTC"] == (1, "override")
    assert matched["PEPE"] == (24478, "override")
    assert matched["1000SATS"] == (28194, "override")
    assert matched["POL"] == (28321, "override")
    assert matched["LUNA"] == (20314, "override")
    assert matched["BEAM"] == (3702, "override"), "the coin with the best rank is Beam of the games"
    assert matched["BEAMX"] == (28298, "override")
    assert "MATIC" not in matched, "the recorded map has active coins only, and POL is another coin"
    assert "MATIC" in unmatched
    units = (
        "select units_per_coin from core.currency_coinmarketcap inner join core.currency using (currency_id) where code"
    )
    assert pipeline.rows(f"{units} = '1000SATS'") == [(1000,)]

    kinds = dict(pipeline.rows("select code, asset_type from core.currency"))
    assert kinds["JUP"] == "crypto"
    flagged = "select distinct base from raw.symbol where is_leveraged"
    assert len(pipeline.rows(flagged)) == 40
    assert {kinds[code] for (code,) in pipeline.rows(flagged)} == {"leveraged_token"}

    outside = {code for code, kind in kinds.items() if kind in {"fiat", "leveraged_token"}}
    ambiguous = shared & kinds.keys() - outside
    assert len(ambiguous) > 60
    for code in ambiguous:
        if code in matched:
            assert matched[code][1] == "override", code
        else:
            assert {number for symbol, number in candidates if symbol == code} >= set(by_symbol[code]), code
    for code, (number, method) in matched.items():
        if method == "unique_symbol":
            assert by_symbol[code] == [number]
    own = {"BVND", "BKRW", "BGBP", "USDSB", "TUSDB"}
    assert matched.keys() | unmatched.keys() == kinds.keys() - outside - own
    assert not matched.keys() & unmatched.keys()


def test_every_shared_symbol_with_and_without_prices(
    tmp_path: Path, coins: list[dict[str, Any]], by_symbol: dict[str, list[int]]
) -> None:
    """Make-believe currencies with every shared symbol. First nothing but symbol and rank is known; then the price of
    every third agrees with the best-ranked coin, of every third with the second, of the rest with both."""
    shared = sorted(symbol for symbol, numbers in by_symbol.items() if len(numbers) > 1)
    codes = {symbol: symbol for symbol in shared if symbol not in {"USDT", "BTC"}}
    pipeline = Pipeline(tmp_path / "live")
    symbols = {code: f"P{place}USDT" for place, code in enumerate(codes)}
    pipeline.land_info(
        [described("BTCUSDT", "BTC", "USDT"), *(described(symbols[code], code, "USDT") for code in codes)],
        at=NOON - timedelta(hours=2),
    )
    Coins(pipeline).land("map", coins, at=NOON)
    pipeline.update()
    matched, unmatched, candidates = outcome(pipeline)
    assert {method for _, method in matched.values()} <= {"override"}
    for code in codes.keys() - matched.keys() - unmatched.keys():
        assert pipeline.rows("select asset_type from core.currency where code = $code", code=code) == [
            ("leveraged_token",)
        ] or pipeline.rows("select asset_type from core.currency where code = $code", code=code) == [("fiat",)]
    assert {code for code, _ in candidates} == unmatched.keys()
    assert len(matched) + len(unmatched) > 900

    listings, expected = [], {}
    for place, code in enumerate(sorted(unmatched)):
        best, second, *_ = by_symbol[code]
        prices = {best: 2.0, second: 5.0} if place % 3 < 2 else {best: 2.0, second: 2.02}
        listings += [listed(number, price) for number, price in prices.items()]
        if place % 3 == 0:
            expected[code] = (best, "rank_and_price")
    pipeline.land_prices(
        {
            symbols[code]: "5.00000000" if place % 3 == 1 else "2.01000000"
            for place, code in enumerate(sorted(unmatched))
        },
        NOON - timedelta(minutes=1),
    )
    Coins(pipeline).land("listings", listings, at=NOON)
    pipeline.update()
    again, still, _ = outcome(pipeline)
    assert {code: found for code, found in again.items() if found[1] == "rank_and_price"} == expected
    assert still.keys() == unmatched.keys() - expected.keys()
