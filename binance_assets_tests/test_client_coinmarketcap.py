"""The client of CoinMarketCap against the sandbox, and against answers that the sandbox does not give."""

from __future__ import annotations

import json
import logging
import traceback
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from pydantic import SecretStr

from binance_assets.clients import Limits
from binance_assets.clients import coinmarketcap_errors as errors
from binance_assets.clients.coinmarketcap import (
    CATEGORIES,
    CATEGORY,
    KEY_HEADER,
    LISTINGS,
    MAP,
    CoinMarketCapClient,
    Usage,
)
from binance_assets.sandbox import Fault, Sandbox
from binance_assets.sandbox.coinmarketcap import REQUESTS_A_MINUTE
from binance_assets_tests.coinmarketcap_stub import answering
from binance_assets_tests.simulated import SimulatedClock

NOBODY = "http://127.0.0.1:1"
LIMITS = Limits(connect_timeout=2, read_timeout=5, deadline=10)

Connect = Callable[..., CoinMarketCapClient]


@pytest.fixture
def connect(sandbox: Sandbox) -> Iterator[Connect]:
    """Makes clients of the sandbox's CoinMarketCap, each with a key of its own, for which waiting takes no time."""
    clients = []

    def connect(base_url: str | None = None, **arguments: Any) -> CoinMarketCapClient:
        options = {"key": SecretStr(str(uuid4())), "simulated": True, "limits": LIMITS, "clock": SimulatedClock()}
        clients.append(CoinMarketCapClient(base_url=base_url or sandbox.url, **(options | arguments)))
        return clients[-1]

    yield connect
    for client in clients:
        client.close()


def asked(sandbox: Sandbox, since: int = 0) -> list[str]:
    return [request.endpoint for request in sandbox.requests[since:]]


def enveloped(code: object, data: object = None, message: str | None = None) -> bytes:
    status = {"timestamp": "2026-01-01T00:00:00.000Z", "error_code": code, "error_message": message, "credit_count": 1}
    return json.dumps({"status": status, "data": data}).encode()


# What comes


def test_the_map_has_every_coin_once_over_all_pages(connect: Connect, sandbox: Sandbox) -> None:
    since = len(sandbox.requests)
    pages = connect().coins()
    assert [len(page.data) for page in pages][:-1] == [5000] * (len(pages) - 1)
    rows = [row for page in pages for row in page.data]
    assert len({row["id"] for row in rows}) == len(rows) > 5000
    assert {row["is_active"] for row in rows} == {0, 1}
    assert asked(sandbox, since) == ["coinmarketcap/key/info", *["coinmarketcap/map"] * len(pages)]


def test_a_body_is_kept_as_received(connect: Connect) -> None:
    [page] = connect().listings()
    assert len(page.data) == LISTINGS.page_rows
    assert [row["id"] for row in json.loads(page.body)["data"]] == [row["id"] for row in page.data]
    assert page.requested_at <= page.received_at


def test_the_members_of_a_large_category_come_in_pages_until_all_are_there(connect: Connect) -> None:
    client = connect()
    [listed] = client.categories()
    large = max(listed.data, key=lambda row: row["num_tokens"])
    small = min(listed.data, key=lambda row: row["num_tokens"])
    pages = client.category(large["id"], large["num_tokens"])
    members = [coin["id"] for page in pages for coin in page.data["coins"]]
    assert len(pages) == -(-large["num_tokens"] // 1000) > 2
    assert len(set(members)) == len(members) == large["num_tokens"]
    assert len(client.category(small["id"], small["num_tokens"])) == 1


def test_no_error_is_written_as_a_number_and_as_a_text(connect: Connect) -> None:
    client = connect()
    [listed] = client.categories()
    pages = [*client.coins(), *client.listings(), listed, *client.category(listed.data[0]["id"], 100)]
    assert {json.loads(page.body)["status"]["error_code"] for page in pages} == {0, "0"}


def test_more_members_are_announced_than_come() -> None:
    """It ends with the first page that brings none."""
    coins = [[{"id": 1}, {"id": 2}], [{"id": 3}], []]
    starts = []

    def respond(request: Any) -> tuple[int, dict[str, str], bytes]:
        if "key/info" in request.path:
            return 200, {}, enveloped(0, {})
        starts.append(request.path.partition("start=")[2].partition("&")[0])
        return 200, {}, enveloped(0, {"num_tokens": 9, "coins": coins[len(starts) - 1]})

    with answering(respond) as url, CoinMarketCapClient(SecretStr("a" * 8), url, simulated=True) as client:
        pages = client.category("f" * 24, 9)
    assert [len(page.data["coins"]) for page in pages] == [2, 1]
    assert starts == ["1", "3", "4"]


# Errors


@pytest.mark.parametrize(
    ("code", "error", "passes"),
    [
        ("1001", errors.WrongKey, False),
        ("1002", errors.WrongKey, False),
        ("1003", errors.KeyNotActive, False),
        ("1004", errors.KeyNotActive, False),
        ("1005", errors.WrongKey, False),
        ("1006", errors.PlanExcludesEndpoint, False),
        ("1007", errors.WrongKey, False),
        ("1008", errors.MinuteLimit, True),
        ("1009", errors.DailyQuota, True),
        ("1010", errors.MonthlyQuota, True),
        ("1011", errors.AddressRefused, True),
        ("403", errors.AddressRefused, True),
        ("500", errors.CoinMarketCapServerError, True),
        ("503", errors.CoinMarketCapServerError, True),
        ("redirect", errors.UnusableAnswer, True),
        ("html", errors.UnusableAnswer, True),
        ("empty", errors.UnusableAnswer, True),
        ("empty_list", errors.UnusableAnswer, True),
        ("object", errors.UnusableAnswer, True),
        ("error_object", errors.UnusableAnswer, True),
        ("truncated_json", errors.UnusableAnswer, True),
        ("truncated_gzip", errors.UnusableAnswer, True),
        ("cut", errors.UnusableAnswer, True),
        ("nan", errors.UnusableAnswer, True),
    ],
)
def test_each_answer_is_the_error_of_what_can_be_done_about_it(
    connect: Connect, sandbox: Sandbox, code: str, error: type[errors.CoinMarketCapError], passes: bool
) -> None:
    sandbox.fail(Fault(code, endpoint="coinmarketcap/listings"))
    with pytest.raises(errors.CoinMarketCapError) as raised:
        connect(attempts=1).listings()
    assert type(raised.value) is error
    assert raised.value.passes == passes
    assert str(raised.value).startswith(f"coinmarketcap/listings from {sandbox.url}/v1/cryptocurrency/listings/latest:")
    assert "\nWhat to do: " in str(raised.value)
    if code.startswith("10"):
        assert raised.value.code == int(code)


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (enveloped(1001, message="no"), errors.WrongKey),
        (enveloped("1001", message="no"), errors.WrongKey),
        (enveloped("1006"), errors.PlanExcludesEndpoint),
        (enveloped(1010, [{"id": 1}]), errors.MonthlyQuota),
        (enveloped(500, message="no"), errors.CoinMarketCapServerError),
        (enveloped(400, message="no"), errors.RefusedRequest),
        (enveloped(4711, message="no"), errors.RefusedRequest),
        (enveloped("none", [{"id": 1}]), errors.UnusableAnswer),
        (enveloped(None, [{"id": 1}]), errors.UnusableAnswer),
        (enveloped(0), errors.UnusableAnswer),
        (enveloped(0, {"id": 1}), errors.UnusableAnswer),
        (enveloped(0, []), errors.UnusableAnswer),
        (b'{"data": [{"id": 1}]}', errors.UnusableAnswer),
        (b'{"status": 0, "data": [{"id": 1}]}', errors.UnusableAnswer),
        (b"[1]", errors.UnusableAnswer),
    ],
)
def test_an_error_with_http_200_is_one(connect: Connect, body: bytes, error: type[errors.CoinMarketCapError]) -> None:
    def respond(request: Any) -> tuple[int, dict[str, str], bytes]:
        return 200, {}, enveloped(0, {}) if "key/info" in request.path else body

    with answering(respond) as url, pytest.raises(errors.CoinMarketCapError) as raised:
        connect(url, attempts=1).coins()
    assert type(raised.value) is error


@pytest.mark.parametrize(("status", "error"), [(401, errors.WrongKey), (402, errors.KeyNotActive)])
def test_the_http_status_counts_where_there_is_no_code(
    connect: Connect, status: int, error: type[errors.CoinMarketCapError]
) -> None:
    with answering(lambda _: (status, {}, b"")) as url, pytest.raises(error):
        connect(url).coins()


def test_unreachable(connect: Connect) -> None:
    with pytest.raises(errors.CoinMarketCapUnreachable, match="no connection"):
        connect(NOBODY, attempts=2).usage()


def test_a_list_that_does_not_end_is_none(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    data = [{"id": number} for number in range(MAP.page_rows)]

    def respond(request: Any) -> tuple[int, dict[str, str], bytes]:
        return 200, {}, enveloped(0, {}) if "key/info" in request.path else enveloped(0, data)

    monkeypatch.setattr("binance_assets.clients.coinmarketcap.MOST_PAGES", 3)
    with answering(respond) as url, pytest.raises(errors.UnusableAnswer, match="does not end after 3 pages"):
        connect(url).coins()


# Waiting


@pytest.mark.parametrize("kind", ["503", "html", "cut"])
def test_what_may_pass_is_asked_again(connect: Connect, sandbox: Sandbox, kind: str) -> None:
    sandbox.fail(Fault(kind, endpoint="coinmarketcap/listings", count=2))
    assert len(connect().listings()) == 1


@pytest.mark.parametrize("kind", ["1001", "1006", "1009", "1010", "1011"])
def test_what_does_not_pass_soon_is_asked_once(connect: Connect, sandbox: Sandbox, kind: str) -> None:
    sandbox.fail(Fault(kind, endpoint="coinmarketcap/map"))
    since = len(sandbox.requests)
    with pytest.raises(errors.CoinMarketCapError):
        connect().coins()
    assert asked(sandbox, since).count("coinmarketcap/map") == 1


@pytest.mark.parametrize(("retry_after", "waited"), [(None, 60), (7, 7), ("0", 0), ("soon", 60)])
def test_the_minute_limit_is_waited_for(
    connect: Connect, sandbox: Sandbox, retry_after: str | int | None, waited: int
) -> None:
    clock = SimulatedClock()
    sandbox.fail(Fault("1008", endpoint="coinmarketcap/listings", count=1, retry_after=retry_after))
    assert len(connect(clock=clock).listings()) == 1
    assert waited <= sum(clock.slept) < waited + 2


def test_the_minute_limit_is_not_waited_for_for_ever(connect: Connect, sandbox: Sandbox) -> None:
    clock = SimulatedClock()
    sandbox.fail(Fault("1008", endpoint="coinmarketcap/listings"))
    with pytest.raises(errors.MinuteLimit):
        connect(clock=clock).listings()
    assert 60 <= sum(clock.slept) < 180
    sandbox.clear_faults()
    sandbox.fail(Fault("1008", endpoint="coinmarketcap/listings", retry_after=100_000))
    with pytest.raises(errors.MinuteLimit):
        connect(clock=(patient := SimulatedClock())).listings()
    assert patient.slept == []


def test_it_keeps_to_the_requests_a_minute_of_the_plan() -> None:
    clock = SimulatedClock()
    with (
        Sandbox(clock=clock.exchange_ms) as sandbox,
        CoinMarketCapClient(SecretStr("a" * 8), sandbox.url, simulated=True, clock=clock) as client,
    ):
        for _ in range(2 * REQUESTS_A_MINUTE + 1):
            client.usage()
        assert {request.status for request in sandbox.requests} == {200}
        assert sum(clock.slept) == 120


# Credits


def test_credits_are_counted_as_coinmarketcap_counts_them(connect: Connect) -> None:
    client = connect()
    assert client.credits_left is None
    before = client.usage().credits_left
    [listed] = client.categories()
    client.listings()
    client.category(listed.data[0]["id"], listed.data[0]["num_tokens"])
    pages = client.coins()
    members = listed.data[0]["num_tokens"]
    assert members > 1000
    assert before is not None
    assert client.credits_left == before - (2 + 25 + CATEGORY.cost(members) + len(pages))
    assert client.usage().credits_left == client.credits_left


def test_what_the_credits_do_not_pay_for_is_not_asked_for(connect: Connect) -> None:
    with Sandbox(coinmarketcap_credits=24) as sandbox:
        client = connect(sandbox.url)
        with pytest.raises(
            errors.CreditsShort, match=r"cost 25 credits and 24 are left, counted anew at \d{4}-\d\d-01"
        ):
            client.listings()
        assert asked(sandbox) == ["coinmarketcap/key/info"]
        assert len(client.categories()) == 1


def test_credits_that_are_spent_meanwhile_end_in_the_quotas_error(connect: Connect) -> None:
    key = SecretStr("somebody-else")
    with Sandbox(coinmarketcap_credits=30) as sandbox:
        first, second = connect(sandbox.url, key=key), connect(sandbox.url, key=key)
        first.usage()
        second.listings()
        with pytest.raises(errors.MonthlyQuota, match="code 1010"):
            first.listings()


@pytest.mark.parametrize(
    ("plan", "used", "usage"),
    [
        ({}, {}, Usage(None, None, 30)),
        (
            {"rate_limit_minute": 120, "credit_limit_monthly_reset_timestamp": "then"},
            {"current_day": {"credits_left": None}, "current_month": {"credits_left": 7}},
            Usage(7, "at then", 120),
        ),
        (
            {"rate_limit_minute": "0", "credit_limit_daily_reset_timestamp": "tomorrow"},
            {"current_day": {"credits_left": "3"}, "current_month": {"credits_left": 7}},
            Usage(3, "at tomorrow", 30),
        ),
        (
            {"credit_limit_daily": 0},
            {"current_day": {"credits_left": 0}, "current_month": {"credits_left": 7}},
            Usage(7, None, 30),
        ),
        ({"rate_limit_minute": None}, {"current_day": None, "current_month": 5}, Usage(None, None, 30)),
    ],
)
def test_plans_leave_out_what_they_do_not_limit(connect: Connect, plan: object, used: object, usage: Usage) -> None:
    with answering(lambda _: (200, {}, enveloped("0", {"plan": plan, "usage": used}))) as url:
        assert connect(url).usage() == usage


@pytest.mark.parametrize(
    ("endpoint", "rows", "credits_spent"),
    [
        (LISTINGS, 5000, 25),
        (CATEGORIES, 26, 2),
        (CATEGORY, 1, 2),
        (CATEGORY, 1000, 6),
        (CATEGORY, 1001, 8),
        (MAP, 1, 1),
    ],
)
def test_costs(endpoint: Any, rows: int, credits_spent: int) -> None:
    assert endpoint.cost(rows) == credits_spent


# The key, and who answers


KEY = "b5ecret0-canary-4bcd-8e24-0123456789ab"


@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        (200, {}, enveloped(0, {"plan": KEY})),
        (200, {}, enveloped(0, {"plan": KEY.upper()})),
        (401, {}, enveloped(1001, message=f"The key {KEY} is invalid.")),
        (400, {}, f"<html>{KEY}</html>".encode()),
        (302, {"Location": f"/{KEY}"}, KEY.encode()),
        (503, {"Retry-After": KEY}, (f"{KEY} " * 20).encode()),
        (429, {"Retry-After": KEY}, KEY.encode()),
        (200, {}, KEY.encode()),
        (200, {"Content-Encoding": KEY}, b"{}"),
        (200, {"Content-Length": "1000"}, KEY.encode()),
    ],
)
def test_the_key_is_in_no_error_however_it_is_echoed(
    connect: Connect, caplog: pytest.LogCaptureFixture, status: int, headers: dict[str, str], body: bytes
) -> None:
    caplog.set_level(logging.DEBUG)
    with answering(lambda _: (status, headers, body)) as url:
        client = connect(url, key=SecretStr(KEY), attempts=2, limits=Limits(read_timeout=0.5, deadline=1))
        with pytest.raises(errors.CoinMarketCapError) as raised:
            client.usage()
    error = raised.value
    told = [*traceback.format_exception(error), repr(error), repr(vars(error)), repr(client), caplog.text]
    assert not [text for text in told if KEY.lower() in text.lower()]
    assert error.__cause__ is error.__context__ is None


def test_the_key_is_sent_in_the_header_and_nowhere_else(connect: Connect) -> None:
    seen = []

    def respond(request: Any) -> tuple[int, dict[str, str], bytes]:
        seen.append((request.path, dict(request.headers)))
        return 200, {}, enveloped(0, {})

    with answering(respond) as url:
        connect(url, key=SecretStr(KEY)).usage()
    [(path, headers)] = seen
    assert path == "/v1/key/info"
    assert [name for name, value in headers.items() if KEY in value] == [KEY_HEADER]


def test_simulated_and_real_never_mix(connect: Connect) -> None:
    with pytest.raises(errors.WrongCoinMarketCap, match="a sandbox answers"):
        connect(simulated=False).usage()
    with answering(lambda _: (200, {}, enveloped(0, {})), simulated=False) as url:
        assert connect(url, simulated=False).usage()
        with pytest.raises(errors.WrongCoinMarketCap, match="not the sandbox"):
            connect(url).usage()
    with pytest.raises(errors.WrongCoinMarketCap, match="nothing was sent"):
        connect("https://coinmarketcap.invalid").usage()
