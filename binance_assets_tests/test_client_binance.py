"""The client against the sandbox exchange, well and misbehaving."""

import itertools
import json
import logging
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote

import pytest
import requests

from binance_assets.clients import (
    BadRequest,
    BadResponse,
    Banned,
    BinanceClient,
    ExchangeError,
    ExchangeServerError,
    ExchangeUnreachable,
    Forbidden,
    Limits,
    RateLimited,
    RestrictedLocation,
    WeightBudget,
    WrongExchange,
)
from binance_assets.clients.endpoints import weight_of
from binance_assets.clock import Clock
from binance_assets.sandbox import Fault, Sandbox
from binance_assets_tests.simulated import SimulatedClock

NOBODY = "http://127.0.0.1:1"
LIMITS = Limits(connect_timeout=2, read_timeout=5, deadline=10, max_body_bytes=20_000_000)


@pytest.fixture
def connect(sandbox, tmp_path) -> Iterator[Callable[..., BinanceClient]]:
    """Makes clients of the sandbox that share a home and do not pause for long."""
    clients = []

    def connect(*base_urls: str, **arguments) -> BinanceClient:
        options = {"simulated": True, "limits": LIMITS, "backoff": 0.01, "attempts": 3, **arguments}
        budget = WeightBudget(tmp_path / "weights.sqlite")
        clients.append(BinanceClient(base_urls or [sandbox.url], budget=budget, **options))
        return clients[-1]

    yield connect
    for client in clients:
        client.close()


@pytest.fixture
def client(connect) -> BinanceClient:
    return connect()


@pytest.fixture
def answered(sandbox) -> Callable[[], list[int]]:
    """The statuses of what the sandbox has answered in this test."""
    last = sandbox.requests[-1:]

    def answered() -> list[int]:
        newest_first = reversed(sandbox.requests)
        new = itertools.takewhile(lambda request: not last or request is not last[0], newest_first)
        return [request.status for request in new][::-1]

    return answered


def test_prices_of_the_whole_market(client):
    response = client.prices()
    assert len(response.data) > 1000
    assert all(isinstance(row["price"], str) for row in response.data)
    assert json.loads(response.body) == response.data
    assert (response.endpoint, response.params) == ("ticker/price", {})
    assert response.simulated
    assert response.used_weight >= 4


def test_the_clocks_of_a_response(client):
    clock = Clock()
    before = clock.now()
    response = client.prices()
    assert before <= response.requested_at < response.received_at <= clock.now()
    assert abs(response.exchange_at - response.received_at) < timedelta(seconds=2)
    assert response.exchange_at.microsecond == 0  # the Date header's
    time_response = client.server_time()
    assert time_response.exchange_at == datetime.fromtimestamp(time_response.data["serverTime"] / 1000, UTC).replace(
        tzinfo=None
    )


def test_a_clock_that_is_off_shows(client, sandbox):
    sandbox.fail(Fault("clock_off", amount=600))
    for response in (client.prices(), client.server_time()):
        assert timedelta(seconds=598) < response.exchange_at - response.received_at < timedelta(seconds=602)


def test_one_price_and_some(client):
    assert client.price("BTCUSDT").data["symbol"] == "BTCUSDT"
    assert [row["symbol"] for row in client.prices_of(["BTCUSDT", "ETHBTC"]).data] == ["BTCUSDT", "ETHBTC"]


def test_symbols_that_are_not_ascii_are_percent_encoded(client, sandbox):
    symbols = [row["symbol"] for row in client.prices().data if not row["symbol"].isascii()][:2]
    assert client.price(symbols[0]).data["symbol"] == symbols[0]
    assert sorted(row["symbol"] for row in client.prices_of(symbols).data) == sorted(symbols)
    for_one, for_some = (request.query for request in sandbox.requests[-2:])
    assert unquote(for_one) == f"symbol={symbols[0]}"
    assert unquote(for_some) == f'symbols=["{symbols[0]}","{symbols[1]}"]'
    assert for_one.isascii()
    assert for_some.isascii()


def test_metadata_comes_without_the_permission_sets(client, sandbox):
    assert len(client.exchange_info().data["symbols"]) > 1000
    assert "showPermissionSets=false" in sandbox.requests[-1].query


def test_metadata_teaches_the_limit(tmp_path):
    clock = SimulatedClock()
    weights = WeightBudget(tmp_path / "weights.sqlite", clock=clock)
    with (
        Sandbox(weight_limit=50, clock=clock.exchange_ms) as sandbox,
        BinanceClient([sandbox.url], budget=weights, simulated=True, give_up_after=5, clock=clock) as client,
    ):
        client.exchange_info()
        client.exchange_info()
        with pytest.raises(RateLimited, match="nothing was sent"):  # it would be the 60th of 50
            client.exchange_info()
        assert [request.status for request in sandbox.requests] == [200, 200]


def test_candles_between_instants_and_the_open_one(client):
    start = Clock().now().replace(second=0, microsecond=0) - timedelta(minutes=3)
    response = client.klines("BTCUSDT", start_at=start, end_at=start + timedelta(minutes=1))
    opened = [datetime.fromtimestamp(row[0] / 1000, UTC).replace(tzinfo=None) for row in response.data]
    assert opened == [start, start + timedelta(minutes=1)]
    latest = client.klines("BTCUSDT", limit=2)
    is_open = [row[6] >= latest.exchange_at.replace(tzinfo=UTC).timestamp() * 1000 for row in latest.data]
    assert is_open == [False, True]


def test_any_endpoint_with_any_parameters(client):
    response = client.get("ticker/24hr", {"symbols": ["BTCUSDT", "ETHUSDT"], "type": "MINI", "symbolStatus": None})
    assert [row["symbol"] for row in response.data] == ["BTCUSDT", "ETHUSDT"]
    assert response.params == {"symbols": '["BTCUSDT","ETHUSDT"]', "type": "MINI"}
    assert client.get("ping").data == {}


def test_new_fields_and_odd_rows_are_not_fatal(client, sandbox):
    for kind in ("new_fields", "bad_rows", "wrong_types", "missing_symbols"):
        sandbox.fail(Fault(kind, count=1))
        assert len(client.prices().data) > 1000, kind


@pytest.mark.parametrize(
    ("endpoint", "params", "weight"),
    [
        ("ping", {}, 1),
        ("exchangeInfo", {}, 20),
        ("ticker/price", {}, 4),
        ("ticker/price", {"symbol": "BTCUSDT"}, 2),
        ("ticker/price", {"symbols": '["BTCUSDT"]'}, 4),
        ("ticker/24hr", {}, 80),
        ("ticker/24hr", {"symbol": "BTCUSDT"}, 2),
        ("ticker/24hr", {"symbols": json.dumps(["A"] * 20)}, 2),
        ("ticker/24hr", {"symbols": json.dumps(["A"] * 21)}, 40),
        ("ticker/24hr", {"symbols": json.dumps(["A"] * 101)}, 80),
        ("ticker", {"symbol": "BTCUSDT"}, 4),
        ("ticker", {"symbols": json.dumps(["A"] * 60)}, 200),
        ("klines", {"symbol": "BTCUSDT"}, 2),
        ("depth", {"symbol": "BTCUSDT"}, 5),
        ("depth", {"symbol": "BTCUSDT", "limit": "5000"}, 250),
    ],
)
def test_weights_are_those_of_the_exchange(endpoint, params, weight):
    assert weight_of(endpoint, params) == weight


def test_reserves_what_the_sandbox_counts(tmp_path):
    with (
        Sandbox() as sandbox,
        BinanceClient([sandbox.url], budget=WeightBudget(tmp_path / "weights"), simulated=True) as client,
    ):
        counted = 0
        for endpoint, params in [
            ("ping", {}),
            ("time", {}),
            ("exchangeInfo", {}),
            ("ticker/price", {}),
            ("ticker/price", {"symbol": "BTCUSDT"}),
            ("ticker/price", {"symbols": ["BTCUSDT", "ETHUSDT"]}),
            ("ticker/24hr", {"symbols": ["BTCUSDT", "ETHUSDT"]}),
            ("klines", {"symbol": "BTCUSDT", "interval": "1m"}),
        ]:
            response = client.get(endpoint, params)
            now_counted = response.used_weight
            if now_counted > counted:  # else the minute is a new one
                assert weight_of(endpoint, response.params) == now_counted - counted
            counted = now_counted


# What may get better is tried again.


@pytest.mark.parametrize(
    "kind",
    [
        *("500", "502", "503", "504", "html", "empty", "empty_list", "object", "redirect"),
        *("truncated_json", "truncated_gzip", "bad_utf8", "bom", "nan", "duplicate_keys", "deep"),
        *("cut", "cut_chunked"),
    ],
)
def test_a_passing_fault_is_overcome(client, sandbox, kind, caplog):
    sandbox.fail(Fault(kind, endpoint="ticker/price", count=2))
    with caplog.at_level(logging.INFO):
        assert len(client.prices().data) > 1000
    assert len(caplog.messages) == 2
    assert "ticker/price" in caplog.text


@pytest.mark.parametrize(
    ("fault", "error", "says"),
    [
        (Fault("500"), ExchangeServerError, "HTTP 500, code -1000"),
        (Fault("502"), ExchangeServerError, "502 Bad Gateway"),
        (Fault("html"), BadResponse, "Down for maintenance"),
        (Fault("empty"), BadResponse, "the body is empty"),
        (Fault("empty_list"), BadResponse, "an empty list"),
        (Fault("object"), BadResponse, "an object where a list belongs"),
        (Fault("redirect"), BadResponse, "a redirect to /elsewhere"),
        (Fault("truncated_json"), BadResponse, "the body cannot be read"),
        (Fault("truncated_gzip"), BadResponse, "the gzip stream is cut"),
        (Fault("bomb", amount=30), BadResponse, "larger than 20,000,000 bytes"),
        (Fault("bad_utf8"), BadResponse, "utf-8"),
        (Fault("bom"), BadResponse, "BOM"),
        (Fault("nan"), BadResponse, "NaN is not JSON"),
        (Fault("duplicate_keys"), BadResponse, "'symbol' stands twice"),
        (Fault("deep"), BadResponse, "nested too deeply"),
        (Fault("cut"), BadResponse, "broke off"),
        (Fault("cut_chunked"), BadResponse, "broke off"),
    ],
)
def test_a_lasting_fault_is_an_error_after_all_attempts(client, sandbox, answered, fault, error, says):
    sandbox.fail(fault)
    with pytest.raises(error, match=says) as raised:
        client.prices()
    assert type(raised.value) is error
    assert "ticker/price from http://127.0.0.1" in str(raised.value)
    assert len(answered()) == 3


def test_a_slow_body_ends_at_the_deadline(connect, sandbox):
    client = connect(limits=Limits(read_timeout=20, deadline=2), attempts=1)
    sandbox.fail(Fault("slow", amount=20, count=1))
    started = time.monotonic()
    with pytest.raises(BadResponse, match="not complete after 2 s"):
        client.get("ticker/24hr", {"type": "MINI"})
    assert time.monotonic() - started < 10


def test_no_answer_is_waited_for_only_so_long(connect, sandbox):
    client = connect(limits=Limits(read_timeout=0.3), attempts=2)
    sandbox.fail(Fault("stall", amount=2, count=2))
    started = time.monotonic()
    with pytest.raises(ExchangeUnreachable, match=r"no answer for 0\.3 s"):
        client.prices()
    assert time.monotonic() - started < 3


def test_gives_up_when_the_time_is_over(connect, sandbox, answered):
    clock = SimulatedClock()
    client = connect(attempts=1000, backoff=0.2, give_up_after=0.5, clock=clock)
    sandbox.fail(Fault("500"))
    with pytest.raises(ExchangeServerError):
        client.prices()
    assert sum(clock.slept) <= 0.5
    assert 2 <= len(answered()) <= 3


def test_the_pauses_grow_and_are_not_the_same_for_all(connect, sandbox):
    sandbox.fail(Fault("500"))
    clocks = (SimulatedClock(), SimulatedClock())
    for clock in clocks:
        with pytest.raises(ExchangeServerError):
            connect(backoff=1, attempts=5, clock=clock).prices()
    one, other = (clock.slept for clock in clocks)
    for least, pause in zip((1, 2, 4, 8), one, strict=True):
        assert least <= pause <= least + 1
    assert one != other


# What cannot get better is not.


@pytest.mark.parametrize(
    ("kind", "error", "says"),
    [
        ("451", RestrictedLocation, "BINANCE_API_URL"),
        ("403", Forbidden, "five minutes"),
    ],
)
def test_a_refusal_is_not_tried_again(client, sandbox, answered, kind, error, says):
    sandbox.fail(Fault(kind))
    with pytest.raises(error, match=says):
        client.prices()
    assert answered() == [int(kind)]


@pytest.mark.parametrize(
    ("endpoint", "params", "code"),
    [
        ("ticker/price", {"symbol": "NOSUCHPAIR"}, -1121),
        ("ticker/price", {"symbol": "BTC/USDT"}, -1100),
        ("klines", {"symbol": "BTCUSDT", "interval": "7m"}, -1120),
        ("klines", {}, -1102),
    ],
)
def test_a_bad_request_is_not_tried_again_and_says_why(client, answered, endpoint, params, code):
    with pytest.raises(BadRequest, match=f"HTTP 400, code {code}") as raised:
        client.get(endpoint, params)
    assert raised.value.code == code
    assert answered() == [400]


def test_an_unknown_endpoint(client, answered):
    with pytest.raises(BadRequest, match="nosuch"):
        client.get("nosuch")


# Limits and bans.


def test_retry_after_is_honoured(client, sandbox):
    sandbox.fail(Fault("429", count=1, retry_after=1))
    started = time.monotonic()
    client.prices()
    assert 1 <= time.monotonic() - started < 3


def test_retry_after_holds_for_other_processes_too(connect, sandbox, answered):
    sandbox.fail(Fault("429", count=1, retry_after=1))
    with pytest.raises(RateLimited):
        connect(attempts=1).prices()
    started = time.monotonic()
    connect(attempts=1).prices()
    assert time.monotonic() - started > 0.9
    assert answered() == [429, 200]


@pytest.mark.parametrize("retry_after", [3600, "Fri, 01 Jan 2100 00:00:00 GMT"])
def test_a_wait_beyond_all_patience_is_an_error_at_once(connect, sandbox, answered, retry_after):
    sandbox.fail(Fault("429", retry_after=retry_after))
    with pytest.raises(RateLimited) as raised:
        connect(give_up_after=5).prices()
    assert raised.value.retry_after >= 3600
    with pytest.raises(RateLimited, match="nothing was sent"):
        connect(give_up_after=5).prices()
    assert answered() == [429]


@pytest.mark.parametrize("retry_after", [None, "soon", "-1"])
def test_a_limit_without_a_useful_retry_after_lasts_until_the_minute_ends(connect, sandbox, answered, retry_after):
    sandbox.fail(Fault("429", retry_after=retry_after, count=1))
    client = connect(attempts=1)
    with pytest.raises(RateLimited) as raised:
        client.prices()
    assert 0 < raised.value.retry_after <= 60
    assert answered() == [429]


def test_weight_that_others_spend_is_seen_in_the_answers(tmp_path):
    clock = SimulatedClock()
    weights = WeightBudget(tmp_path / "weights.sqlite", clock=clock)
    with (
        Sandbox(weight_limit=100, clock=clock.exchange_ms) as sandbox,
        BinanceClient([sandbox.url], budget=weights, simulated=True, give_up_after=5, clock=clock) as client,
    ):
        weights.set_limit(sandbox.url.removeprefix("http://"), 100)
        for _ in range(3):
            requests.get(f"{sandbox.url}/api/v3/exchangeInfo?symbol=BTCUSDT", timeout=5)
        assert client.price("BTCUSDT").used_weight == 62
        for _ in range(9):
            client.price("BTCUSDT")
        with pytest.raises(RateLimited, match="nothing was sent"):
            client.price("BTCUSDT")


def test_a_ban_is_kept_to_after_a_restart(connect, sandbox, answered):
    sandbox.fail(Fault("418", amount=300, count=1))
    with pytest.raises(Banned) as banned:
        connect().prices()
    assert abs(banned.value.until - Clock().now() - timedelta(seconds=300)) < timedelta(seconds=3)
    for _ in range(2):
        with pytest.raises(Banned, match="nothing was sent") as kept:
            connect().server_time()
        assert abs(kept.value.until - banned.value.until) < timedelta(seconds=1)
    assert answered() == [418]


def test_a_limit_of_one_address_is_not_dodged_at_another(connect, sandbox):
    with Sandbox() as other:
        sandbox.fail(Fault("429", retry_after=3600))
        with pytest.raises(RateLimited):
            connect(sandbox.url, other.url, give_up_after=1).prices()
        assert other.requests == []


# Base addresses.


def test_the_next_address_is_asked_where_nobody_answers(connect, sandbox):
    assert connect(NOBODY, sandbox.url).prices().base_url == sandbox.url


def test_the_address_that_answered_is_asked_first_from_then_on(connect, sandbox, answered):
    with Sandbox() as other:
        client = connect(sandbox.url, other.url)
        sandbox.fail(Fault("500", count=1))
        assert [client.server_time().base_url for _ in range(3)] == [other.url] * 3
        assert answered() == [500]


@pytest.mark.parametrize("kind", ["500", "502", "451"])
def test_another_address_may_answer_where_one_cannot(connect, sandbox, answered, kind):
    with Sandbox() as other:
        sandbox.fail(Fault(kind))
        assert connect(sandbox.url, other.url).prices().base_url == other.url
        assert answered() == [int(kind)]


@pytest.mark.parametrize("kind", ["403", "418"])
def test_no_other_address_is_asked_after_a_block(connect, sandbox, kind):
    with Sandbox() as other:
        sandbox.fail(Fault(kind))
        with pytest.raises((Forbidden, Banned)):
            connect(sandbox.url, other.url).prices()
        assert other.requests == []


def test_an_address_that_refuses_the_location_is_asked_once_in_a_call(connect, sandbox, answered):
    sandbox.fail(Fault("451"))
    with pytest.raises(ExchangeUnreachable) as raised:
        connect(sandbox.url, NOBODY).prices()
    assert answered() == [451]
    assert "refused" in str(raised.value)
    assert f"Also ticker/price from {sandbox.url}/api/v3/ticker/price: HTTP 451" in str(raised.value)


def test_all_addresses_that_failed_are_named(connect):
    with pytest.raises(ExchangeUnreachable) as raised:
        connect(NOBODY, "http://127.0.0.1:2", attempts=1).prices()
    assert "http://127.0.0.1:1/" in str(raised.value)
    assert "Also ticker/price from http://127.0.0.1:2/" in str(raised.value)


@pytest.mark.parametrize(
    "base_url",
    [
        *("", "api.binance.com", "ftp://api.binance.com", "https://", "https://api.binance.com/api/v3"),
        *("https://user:secret@api.binance.com", "https://api.binance.com?x=1"),
    ],
)
def test_refuses_what_is_no_base_address(connect, base_url):
    with pytest.raises(ValueError, match="no base address"):
        connect(base_url, "https://api.binance.com")


def test_needs_a_base_address(tmp_path):
    with pytest.raises(ValueError, match="no base address"):
        BinanceClient([], budget=WeightBudget(tmp_path / "weights"))


# Simulated and real never mix.


def test_a_sandbox_is_never_taken_for_the_exchange(connect, sandbox):
    with pytest.raises(WrongExchange, match="a sandbox answers"):
        connect(simulated=False).prices()


def test_what_a_sandbox_says_does_not_bind_the_real_client(connect, sandbox, tmp_path):
    sandbox.fail(Fault("418", count=1))
    with pytest.raises(WrongExchange):
        connect(simulated=False).prices()
    WeightBudget(tmp_path / "weights.sqlite").reserve("binance", 1, patience=0)


def test_the_exchange_is_never_taken_for_a_sandbox(connect, sandbox, monkeypatch):
    monkeypatch.setattr("binance_assets.clients.binance.SIMULATED_HEADER", "X-Another")
    with pytest.raises(WrongExchange, match="not the sandbox"):
        connect().prices()


def test_every_error_has_advice():
    def subclasses(kind: type[ExchangeError]) -> Iterator[type[ExchangeError]]:
        for child in kind.__subclasses__():
            yield child
            yield from subclasses(child)

    assert all(kind.advice and kind.__doc__ for kind in subclasses(ExchangeError))
