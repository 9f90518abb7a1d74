"""The sandbox's CoinMarketCap, seen with plain HTTP: its envelope, credits and errors, and the coins it has."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
import requests
import typer
from typer.testing import CliRunner

from binance_assets.cli.sandbox import sandbox as sandbox_command
from binance_assets.sandbox import Fault, Sandbox
from binance_assets.sandbox.catalogue import catalogue
from binance_assets.sandbox.coinmarketcap import REQUESTS_A_MINUTE
from binance_assets.sandbox.coinmarketcap_envelope import CODES
from binance_assets.sandbox.coins import CATEGORIES, WEEK_SECONDS, Coins
from binance_assets.sandbox.market import DEFAULT_SEED
from binance_assets_tests.simulated import SimulatedClock

Get = Callable[..., requests.Response]

MAP = "cryptocurrency/map"
LISTINGS = "cryptocurrency/listings/latest"


@pytest.fixture
def get(sandbox: Sandbox) -> Get:
    key = str(uuid4())

    def get(path: str, key: str | None = key, **query: object) -> requests.Response:
        headers = {"X-CMC_PRO_API_KEY": key} if key else {}
        return requests.get(f"{sandbox.url}/v1/{path}", query, headers=headers, timeout=10)

    return get


@pytest.fixture
def rows(get: Get) -> list[dict[str, Any]]:
    """The whole map."""
    pages = [get(MAP, listing_status="active,inactive,untracked", start=start).json() for start in (1, 5001)]
    return [row for page in pages for row in page["data"]]


def test_an_answer_says_that_it_is_simulated_and_what_it_cost(get: Get) -> None:
    answer = get(LISTINGS, limit=401)
    assert answer.headers["X-Simulated"]
    assert answer.json()["status"]["credit_count"] == 3
    assert {"timestamp", "error_code", "error_message", "elapsed", "credit_count", "notice"} == {
        *answer.json()["status"]
    }


def test_a_key_is_wanted_and_any_is_taken(get: Get) -> None:
    refused = get(MAP, key=None)
    assert (refused.status_code, refused.json()["status"]["error_code"]) == (401, 1002)
    assert get(MAP, key="any").ok


@pytest.mark.parametrize("code", CODES)
def test_every_code_can_be_had_with_its_status(get: Get, sandbox: Sandbox, code: int) -> None:
    sandbox.fail(Fault.parse(f"{code}:coinmarketcap/map:1"))
    assert get("key/info").ok
    answer = get(MAP)
    assert (answer.status_code, answer.json()["status"]["error_code"]) == (CODES[code].status, code)
    assert "data" not in answer.json()
    assert get(MAP).ok


@pytest.mark.parametrize(
    ("path", "query"),
    [
        (MAP, {"start": 0}),
        (MAP, {"limit": 5001}),
        (MAP, {"limit": "many"}),
        (MAP, {"listing_status": "active,gone"}),
        (MAP, {"colour": "red"}),
        ("cryptocurrency/category", {"id": "f" * 24}),
        ("cryptocurrency/category", {"id": CATEGORIES[0].category_id, "limit": 1001}),
    ],
)
def test_what_is_not_right_is_refused(get: Get, path: str, query: dict[str, object]) -> None:
    answer = get(path, **query)
    assert (answer.status_code, answer.json()["status"]["error_code"]) == (400, 400)


def test_what_is_not_there_is_404(get: Get) -> None:
    assert get("cryptocurrency/quotes/latest").status_code == 404


def test_credits_and_requests_are_counted_for_each_key_and_anew_with_time() -> None:
    clock = SimulatedClock()
    with Sandbox(clock=clock.exchange_ms, coinmarketcap_credits=30) as sandbox, requests.Session() as session:

        def ask(path: str, key: str = "first") -> requests.Response:
            return session.get(f"{sandbox.url}/v1/{path}", headers={"X-CMC_PRO_API_KEY": key}, timeout=10)

        def credits_left(key: str) -> int:
            return ask("key/info", key).json()["data"]["usage"]["current_month"]["credits_left"]

        assert ask(f"{LISTINGS}?limit=5000").ok
        refused = ask(f"{LISTINGS}?limit=5000")
        assert (refused.status_code, refused.json()["status"]["error_code"]) == (429, 1010)
        assert (credits_left("first"), credits_left("second")) == (5, 30)
        statuses = Counter(ask("key/info", "busy").status_code for _ in range(REQUESTS_A_MINUTE + 5))
        assert statuses == {200: REQUESTS_A_MINUTE, 429: 5}
        assert ask("key/info", "busy").headers["Retry-After"] == "60"
        clock.sleep(60)
        assert ask("key/info", "busy").ok
        clock.sleep(31 * 86_400)
        assert credits_left("first") == 30


def test_listed_prices_are_those_of_the_market(get: Get, sandbox: Sandbox) -> None:
    clock = SimulatedClock()
    sandbox.clock, hosts = clock.exchange_ms, sandbox.clock
    try:
        listed = {row["id"]: row for row in get(LISTINGS, limit=5000).json()["data"]}
        quoted = requests.get(f"{sandbox.url}/api/v3/ticker/price", timeout=10).json()
    finally:
        sandbox.clock = hosts
    prices = {row["symbol"]: float(row["price"]) for row in quoted}
    compared = 0
    for coin in Coins.of(DEFAULT_SEED).ranked:
        price = prices.get(f"{coin.follows}USDT") if coin.follows != "USDT" else 1.0
        if coin.follows and price and coin.coin_id in listed:
            compared += 1
            assert listed[coin.coin_id]["quote"]["USD"]["price"] == pytest.approx(price * coin.worth, rel=0.01)
    assert compared > 400


def test_the_majors_have_their_ids(rows: list[dict[str, Any]]) -> None:
    by_id = {row["id"]: row for row in rows}
    known = {1: "BTC", 1027: "ETH", 825: "USDT", 24478: "PEPE", 20314: "LUNA", 4172: "LUNC", 28194: "SATS"}
    assert {number: by_id[number]["symbol"] for number in known} == known
    assert (by_id[1]["rank"], by_id[1]["is_active"]) == (1, 1)
    assert (by_id[3890]["symbol"], by_id[3890]["is_active"], by_id[3890]["rank"]) == ("MATIC", 0, None)


def test_symbols_are_shared_as_they_are_in_truth(rows: list[dict[str, Any]]) -> None:
    listed = catalogue(DEFAULT_SEED).currencies.items()
    currencies = {code for code, it in listed if it.kind not in ("fiat", "leveraged_token")}
    active = defaultdict(list)
    for row in rows:
        if row["is_active"]:
            active[row["symbol"]].append(row)
    shared = [symbol for symbol in currencies if len(active[symbol]) > 1]
    assert 80 < len(shared) < 200
    assert sum(1 for symbol in currencies if len(active[symbol]) == 1) > 250
    own = {coin.coin_id for coin in Coins.of(DEFAULT_SEED).ranked if coin.follows}
    outranked = [symbol for symbol in shared if min(active[symbol], key=lambda row: row["rank"])["id"] not in own]
    assert len(outranked) == 5  # rank alone would be wrong
    symbols = {row["symbol"] for row in rows}
    assert {symbol for symbol in symbols if not symbol.isascii()} > {"币安人生", "Ɖ"}
    assert {symbol for symbol in symbols if symbol != symbol.upper()} > {"stETH", "BabyDoge"}
    assert not symbols & {"1000SATS", "1MBABYDOGE"}
    assert sum(1 for row in rows if not row["is_active"]) > 1000


def test_another_seed_has_other_coins_and_the_same_majors() -> None:
    others = Coins(7)
    by_id = {coin.coin_id: coin.symbol for coin in others.everyone}
    assert by_id[1] == "BTC"
    assert {*by_id.values()} != {coin.symbol for coin in Coins.of(DEFAULT_SEED).everyone}
    assert (others.prices(1_790_000_000) > 0).all()


def test_categories_change_a_little_from_week_to_week(get: Get) -> None:
    listed = get("cryptocurrency/categories").json()["data"]
    assert {"DeFi", "Layer 1", "Memes", "Collectibles & NFTs", "Centralized Exchange (CEX) Token"} <= {
        row["name"] for row in listed
    }
    assert all(re.fullmatch("[0-9a-f]{24}", row["id"]) for row in listed)
    assert sum(1 for row in listed if row["num_tokens"] > 1000) >= 2
    coins, start = Coins.of(DEFAULT_SEED), 400 * WEEK_SECONDS
    changed = 0
    for category in CATEGORIES:
        before, after = ({*coins.members(category, start + week * WEEK_SECONDS).tolist()} for week in (0, 1))
        assert before == {*coins.members(category, start + WEEK_SECONDS - 1).tolist()}
        assert len(before & after) > 0.9 * len(before | after)
        changed += before != after
    assert changed > len(CATEGORIES) / 2


def test_the_command_takes_the_credits() -> None:
    app = typer.Typer()
    app.command()(sandbox_command)
    refused = CliRunner().invoke(app, ["--coinmarketcap-credits", "-1"])
    assert refused.exit_code == 2
    assert "coinmarketcap-credits" in refused.stderr
