"""The endpoints of the sandbox exchange over HTTP: shapes, parameters, errors, weights, limits."""

import json
import time
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import pytest
import requests

from binance_assets.sandbox import Sandbox

NOW_MS = 1_790_000_012_345
MINUTE_MS = 60_000


@pytest.fixture(scope="module")
def frozen() -> Iterator[Sandbox]:
    """A sandbox in which it is always the same moment."""
    with Sandbox(clock=lambda: NOW_MS, weight_limit=1_000_000) as sandbox:
        yield sandbox


@pytest.fixture
def get(frozen):
    """Asks the frozen sandbox."""
    with requests.Session() as session:
        yield lambda endpoint, **params: session.get(f"{frozen.url}/api/v3/{endpoint}", params=params, timeout=10)


# Answers


def test_ping_and_time(get):
    assert get("ping").json() == {}
    assert get("time").json() == {"serverTime": NOW_MS}


def test_every_answer_says_that_it_is_simulated(get, frozen):
    answers = [get("ping"), get("klines"), get("nothing"), requests.get(frozen.url, timeout=5)]
    answers += [requests.post(f"{frozen.url}/api/v3/ping", timeout=5), requests.get(f"{frozen.url}/sandbox/faults")]
    assert [answer.status_code for answer in answers] == [200, 400, 404, 404, 405, 200]
    assert {answer.headers["X-Simulated"] for answer in answers} == {"binance-assets-sandbox"}


def test_headers_and_text_are_the_exchanges(get):
    answer = get("exchangeInfo")
    assert answer.headers["Content-Type"] == "application/json;charset=UTF-8"
    assert answer.headers["Content-Encoding"] == "gzip"
    assert parsedate_to_datetime(answer.headers["Date"]) == datetime.fromtimestamp(NOW_MS // 1000, UTC)
    assert "币安人生USDT".encode() in answer.content, "not escaped"
    assert b'", "' not in answer.content
    assert "Content-Encoding" not in get("time").headers


def test_prices_without_gzip_for_those_who_do_not_take_it(frozen):
    answer = requests.get(f"{frozen.url}/api/v3/ticker/price", headers={"Accept-Encoding": "identity"}, timeout=5)
    assert "Content-Encoding" not in answer.headers
    assert len(answer.json()) > 3000


def test_prices_and_metadata_are_of_the_same_symbols(get):
    prices, info = get("ticker/price").json(), get("exchangeInfo").json()
    assert [row["symbol"] for row in prices] == [row["symbol"] for row in info["symbols"]]
    assert all(row.keys() == {"symbol", "price"} for row in prices)
    assert all(len(row["price"].partition(".")[2]) == 8 for row in prices)
    ticks = {row["symbol"]: row["filters"][0]["tickSize"] for row in info["symbols"]}
    units = {row["symbol"]: int(row["price"].replace(".", "")) for row in prices}
    assert all(units[symbol] > 0 and units[symbol] % int(tick.replace(".", "")) == 0 for symbol, tick in ticks.items())


def test_metadata_has_the_format_of_today(get):
    info = get("exchangeInfo", symbol="BTCUSDT").json()
    assert info.keys() == {"timezone", "serverTime", "rateLimits", "exchangeFilters", "symbols"}
    assert info["serverTime"] == NOW_MS
    weights = [it for it in info["rateLimits"] if it["rateLimitType"] == "REQUEST_WEIGHT"]
    assert weights == [{"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 1_000_000}]
    [btc] = info["symbols"]
    assert (btc["baseAsset"], btc["quoteAsset"], btc["status"]) == ("BTC", "USDT", "TRADING")
    assert btc["permissions"] == []
    assert btc["permissionSets"][0][0] == "SPOT"
    filters = {it["filterType"]: it for it in btc["filters"]}
    assert filters["PRICE_FILTER"]["tickSize"] == "0.01000000"
    assert filters["LOT_SIZE"]["stepSize"] == "0.00001000"
    assert filters["NOTIONAL"]["minNotional"] == "10.00000000"


def test_permission_sets_can_be_left_out(get):
    with_sets, without = get("exchangeInfo"), get("exchangeInfo", showPermissionSets="false")
    assert all(row["permissionSets"] == [] for row in without.json()["symbols"])
    assert len(without.content) < len(with_sets.content)


@pytest.mark.parametrize("permissions", ["LEVERAGED", '["LEVERAGED"]'])
def test_metadata_by_permission(get, permissions):
    symbols = {row["symbol"] for row in get("exchangeInfo", permissions=permissions).json()["symbols"]}
    assert "BTCUPUSDT" in symbols
    assert "BTCUSDT" not in symbols


@pytest.mark.parametrize("endpoint", ["ticker/price", "ticker/24hr"])
def test_tickers_of_one_some_and_all_symbols(get, endpoint):
    everything = {row["symbol"]: row for row in get(endpoint).json()}
    assert get(endpoint, symbol="币安人生USDT").json() == everything["币安人生USDT"]
    some = ["ETHBTC", "币安人生USDT", "BTCUPUSDT"]
    assert get(endpoint, symbols='["ETHBTC","币安人生USDT","BTCUPUSDT"]').json() == [everything[it] for it in some]


@pytest.mark.parametrize("endpoint", ["ticker/price", "ticker/24hr", "exchangeInfo"])
def test_only_symbols_of_a_status(get, endpoint):
    def symbols(status) -> set[str]:
        data = get(endpoint, symbolStatus=status).json()
        return {row["symbol"] for row in (data["symbols"] if endpoint == "exchangeInfo" else data)}

    statuses = {row["symbol"]: row["status"] for row in get("exchangeInfo").json()["symbols"]}
    for status in ("TRADING", "HALT", "BREAK"):
        assert symbols(status) == {symbol for symbol, its in statuses.items() if its == status}


def test_a_list_drops_what_has_another_status(get):
    params = {"symbols": '["BTCUSDT","BTCUPUSDT"]', "symbolStatus": "BREAK"}
    assert [row["symbol"] for row in get("ticker/price", **params).json()] == ["BTCUPUSDT"]


def test_the_day_of_a_pair_that_trades_and_of_one_that_does_not(get):
    day = get("ticker/24hr", symbol="BTCUSDT").json()
    assert day["lastPrice"] == get("ticker/price", symbol="BTCUSDT").json()["price"]
    assert float(day["lowPrice"]) <= float(day["weightedAvgPrice"]) <= float(day["highPrice"])
    assert float(day["priceChange"]) == pytest.approx(float(day["lastPrice"]) - float(day["openPrice"]))
    assert day["count"] == day["lastId"] - day["firstId"] + 1 == 86_400
    assert day["closeTime"] - day["openTime"] == 86_400_000
    mini = get("ticker/24hr", symbol="BTCUSDT", type="MINI").json()
    assert mini.items() < day.items()
    assert "bidPrice" not in mini
    gone = get("ticker/24hr", symbol="BTCUPUSDT").json()
    assert (gone["count"], gone["firstId"], gone["lastPrice"]) == (0, -1, "0.00000000")
    assert gone["closeTime"] < NOW_MS - 86_400_000


# Candles


def test_a_candle_is_what_was_seen_of_the_price(sandbox):
    clock = [NOW_MS // MINUTE_MS * MINUTE_MS]
    opened = clock[0]
    sandbox.clock, hosts = lambda: clock[0], sandbox.clock
    try:
        seen = []
        for _ in range(60):
            answer = requests.get(f"{sandbox.url}/api/v3/ticker/price?symbol=BTCUSDT", timeout=5)
            seen.append(answer.json()["price"])
            clock[0] += 1000
        params = {"symbol": "BTCUSDT", "interval": "1m", "startTime": opened, "limit": 1}
        [candle] = requests.get(f"{sandbox.url}/api/v3/klines", params=params, timeout=5).json()
    finally:
        sandbox.clock = hosts
    by_value = sorted(seen, key=float)
    assert candle[:5] == [opened, seen[0], by_value[-1], by_value[0], seen[-1]]
    assert candle[6] == opened + MINUTE_MS - 1
    assert candle[8] == 60
    assert 0 < float(candle[9]) < float(candle[5])
    assert float(by_value[0]) <= float(candle[7]) / float(candle[5]) <= float(by_value[-1])
    assert 0 < float(candle[10]) < float(candle[7])
    assert len(candle) == 12


def test_the_last_candle_is_still_open(get):
    price = get("ticker/price", symbol="BTCUSDT").json()["price"]
    for interval in ("1s", "1m", "1h", "3d"):
        candles = get("klines", symbol="BTCUSDT", interval=interval, limit=3).json()
        assert len(candles) == 3
        assert candles[-1][0] <= NOW_MS <= candles[-1][6]
        assert candles[-1][4] == price
        assert [candle[0] for candle in candles[1:]] == [candle[6] + 1 for candle in candles[:-1]]


def test_how_many_candles(get):
    def opened(**params) -> list[int]:
        return [candle[0] for candle in get("klines", symbol="BTCUSDT", interval="1m", **params).json()]

    this = NOW_MS // MINUTE_MS * MINUTE_MS
    assert len(opened()) == 500
    assert len(opened(limit=5000)) == 1000
    start, end = this - 10 * MINUTE_MS, this - 5 * MINUTE_MS
    assert opened(startTime=start, endTime=end) == [*range(start, end + 1, MINUTE_MS)]
    assert opened(startTime=start + 1, endTime=end - 1) == [*range(start + MINUTE_MS, end, MINUTE_MS)]
    assert opened(startTime=start, limit=2) == [start, start + MINUTE_MS], "the first from the start"
    assert opened(endTime=end, limit=2) == [end - MINUTE_MS, end], "the last before the end"
    assert opened(startTime=this)[-1:] == [this]
    assert opened(startTime=this + MINUTE_MS) == []
    assert opened(startTime=10**19) == []
    assert opened(endTime=1000) == [], "long before the listing"


def test_candles_begin_with_the_listing_and_end_with_the_halt(get):
    halted = get("klines", symbol="BTCUPUSDT", interval="1d", startTime=0, limit=1).json()
    assert halted[0][8] > 0, "there is a trade in the first candle"
    assert get("klines", symbol="BTCUPUSDT", interval="1d", endTime=halted[0][0] - 1).json() == []
    last = get("klines", symbol="BTCUPUSDT", interval="1d", limit=1).json()
    assert last[0][4] == get("ticker/price", symbol="BTCUPUSDT").json()["price"]
    assert last[0][6] < NOW_MS


def test_the_time_zone_moves_the_day(get):
    def opened(zone) -> list[int]:
        candles = get("klines", symbol="BTCUSDT", interval="1d", limit=2, **zone).json()
        return [candle[0] % 86_400_000 // 60_000 for candle in candles]

    assert opened({}) == [0, 0]
    assert opened({"timeZone": "8"}) == [16 * 60, 16 * 60]
    assert opened({"timeZone": "-5:30"}) == [5 * 60 + 30, 5 * 60 + 30]


def test_months(get):
    candles = get("klines", symbol="TUSDT", interval="1M", limit=3).json()
    opened = [datetime.fromtimestamp(candle[0] / 1000, UTC) for candle in candles]
    assert [(at.year, at.month, at.day, at.hour) for at in opened] == [
        (2026, 7, 1, 0),
        (2026, 8, 1, 0),
        (2026, 9, 1, 0),
    ]


# Errors


@pytest.mark.parametrize(
    ("endpoint", "params", "code"),
    [
        ("ticker/price", {"symbol": "NOSUCHPAIR"}, -1121),
        ("ticker/price", {"symbols": '["BTCUSDT","NOSUCHPAIR"]'}, -1121),
        ("ticker/price", {"symbol": "btcusdt"}, -1100),
        ("ticker/price", {"symbol": "BTC/USDT"}, -1100),
        ("ticker/price", {"symbol": "A" * 51}, -1100),
        ("ticker/price", {"symbol": "'; drop table pair"}, -1100),
        ("ticker/price", {"symbols": '["BTCUSDT", "ETHUSDT"]'}, -1100),
        ("ticker/price", {"symbols": "BTCUSDT"}, -1100),
        ("ticker/price", {"symbols": "[1]"}, -1100),
        ("ticker/price", {"symbols": '["BTCUSDT","BTCUSDT"]'}, -1151),
        ("ticker/price", {"symbols": "[]"}, -1105),
        ("ticker/price", {"symbol": ""}, -1105),
        ("ticker/price", {"symbol": ["BTCUSDT", "ETHUSDT"]}, -1101),
        ("ticker/price", {"symbol": "BTCUSDT", "symbols": '["ETHUSDT"]'}, -1128),
        ("ticker/price", {"symbol": "BTCUSDT", "symbolStatus": "BREAK"}, -1220),
        ("ticker/price", {"symbolStatus": "AWAKE"}, -1122),
        ("ticker/price", {"simbol": "BTCUSDT"}, -1104),
        ("ticker/24hr", {"type": "TINY"}, -1130),
        ("exchangeInfo", {"symbol": "BTCUSDT", "symbolStatus": "TRADING"}, -1128),
        ("exchangeInfo", {"symbols": '["BTCUSDT"]', "permissions": "SPOT"}, -1128),
        ("exchangeInfo", {"permissions": "EVERYTHING"}, -1130),
        ("exchangeInfo", {"permissions": "[1]"}, -1130),
        ("exchangeInfo", {"showPermissionSets": "maybe"}, -1130),
        ("klines", {}, -1102),
        ("klines", {"symbol": "BTCUSDT"}, -1102),
        ("klines", {"symbol": "BTCUSDT", "interval": "1x"}, -1120),
        ("klines", {"symbol": "BTCUSDT", "interval": "1H"}, -1120),
        ("klines", {"symbol": "NOSUCHPAIR", "interval": "1m"}, -1121),
        ("klines", {"symbol": "BTCUSDT", "interval": "1m", "limit": "many"}, -1100),
        ("klines", {"symbol": "BTCUSDT", "interval": "1m", "limit": "-1"}, -1100),
        ("klines", {"symbol": "BTCUSDT", "interval": "1m", "limit": "0"}, -1130),
        ("klines", {"symbol": "BTCUSDT", "interval": "1m", "startTime": 2, "endTime": 1}, -1128),
        ("klines", {"symbol": "BTCUSDT", "interval": "1m", "timeZone": "15"}, -1130),
        ("klines", {"symbol": "BTCUSDT", "interval": "1m", "timeZone": "CET"}, -1130),
        ("ping", {"really": "yes"}, -1104),
    ],
)
def test_a_request_that_is_not_right_gets_the_exchanges_code(get, endpoint, params, code):
    answer = get(endpoint, **params)
    assert answer.status_code == 400
    assert answer.json().keys() == {"code", "msg"}
    assert answer.json()["code"] == code, answer.text


# Weights and limits


@pytest.mark.parametrize(
    ("endpoint", "params", "weight"),
    [
        ("ping", {}, 1),
        ("time", {}, 1),
        ("exchangeInfo", {"symbol": "BTCUSDT"}, 20),
        ("ticker/price", {"symbol": "BTCUSDT"}, 2),
        ("ticker/price", {"symbols": '["BTCUSDT"]'}, 4),
        ("ticker/price", {}, 4),
        ("ticker/24hr", {"symbol": "BTCUSDT"}, 2),
        ("ticker/24hr", {"symbols": json.dumps([f"A{n}" for n in range(20)], separators=(",", ":"))}, 2),
        ("ticker/24hr", {"symbols": json.dumps([f"A{n}" for n in range(21)], separators=(",", ":"))}, 40),
        ("ticker/24hr", {"symbols": json.dumps([f"A{n}" for n in range(101)], separators=(",", ":"))}, 80),
        ("ticker/24hr", {"type": "TINY"}, 80),
        ("klines", {"symbol": "BTCUSDT", "interval": "1m", "limit": 1}, 2),
        ("klines", {}, 2),
    ],
)
def test_every_request_has_its_weight(get, endpoint, params, weight):
    before = int(get("ping").headers["X-MBX-USED-WEIGHT-1M"])
    answer = get(endpoint, **params)
    assert int(answer.headers["X-MBX-USED-WEIGHT-1M"]) - before == weight
    assert answer.headers["X-MBX-USED-WEIGHT"] == answer.headers["X-MBX-USED-WEIGHT-1M"]


def test_beyond_the_limit_429_and_then_a_ban_that_grows():
    clock = [NOW_MS // MINUTE_MS * MINUTE_MS + 20_500]
    with Sandbox(weight_limit=10, clock=lambda: clock[0]) as sandbox, requests.Session() as session:

        def prices() -> requests.Response:
            return session.get(f"{sandbox.url}/api/v3/ticker/price?symbol=BTCUSDT", timeout=5)

        assert [prices().status_code for _ in range(5)] == [200] * 5
        refused = prices()
        assert refused.status_code == 429
        assert refused.json()["code"] == -1003
        assert refused.headers["Retry-After"] == "40", "39.5 s until the minute ends"

        clock[0] += 40_000
        assert prices().status_code == 200
        statuses = [prices().status_code for _ in range(4 + 11)]
        assert statuses == [200] * 4 + [429] * 10 + [418]
        banned = prices()
        until_ms = clock[0] + 120_000
        assert banned.json() == {
            "code": -1003,
            "msg": f"Way too much request weight used; IP banned until {until_ms}. "
            "Please use WebSocket Streams for live updates to avoid bans.",
        }
        assert banned.headers["Retry-After"] == "120"

        clock[0] = until_ms - 1
        assert prices().status_code == 418
        clock[0] = until_ms
        assert [prices().status_code for _ in range(16)] == [200] * 5 + [429] * 10 + [418]
        assert prices().headers["Retry-After"] == "240", "the next one is twice as long"


# The server


def test_starts_quickly_and_stops_without_a_trace():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        began = time.monotonic()
        sandbox = Sandbox()
        sandbox.start()
        assert time.monotonic() - began < 3
        with requests.Session() as session:  # whose connection stays open
            assert session.get(f"{sandbox.url}/api/v3/ping", timeout=5).status_code == 200
            began = time.monotonic()
            sandbox.stop()
            assert time.monotonic() - began < 2
        with pytest.raises(requests.ConnectionError):
            requests.get(f"{sandbox.url}/api/v3/ping", timeout=5)
        sandbox.stop()


def test_a_port_can_be_used_again_at_once():
    with Sandbox() as first:
        port = int(first.url.rpartition(":")[2])
        with pytest.raises(OSError, match="in use"):
            Sandbox(port=port).start()
        assert requests.get(f"{first.url}/api/v3/ping", timeout=5).ok
    with Sandbox(port=port) as second:
        assert second.url == first.url
        assert requests.get(f"{second.url}/api/v3/ping", timeout=5).ok


def test_remembers_what_it_was_asked(frozen, get):
    get("ticker/price", symbol="币安人生USDT")
    get("klines")
    assert [seen[:3] for seen in frozen.requests[-2:]] == [
        ("ticker/price", "symbol=%E5%B8%81%E5%AE%89%E4%BA%BA%E7%94%9FUSDT", 200),
        ("klines", "", 400),
    ]
