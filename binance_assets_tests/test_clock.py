"""Minutes of the exchange's worst moods against the client of a sampler, by simulated time and real HTTP."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from binance_assets.clients import (
    BadResponse,
    Banned,
    BinanceClient,
    ExchangeError,
    ExchangeUnreachable,
    Limits,
    RateLimited,
    WeightBudget,
)
from binance_assets.clock import Clock
from binance_assets.sandbox import Fault, Sandbox
from binance_assets_tests.simulated import NOON, SimulatedClock

INTERVAL = 10
GIVE_UP_AFTER = 5
WEIGHT_LIMIT = 50


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock(request_seconds=0.05)


@pytest.fixture
def exchange(clock) -> Iterator[Sandbox]:
    """An exchange that goes by the simulated clock and grants little."""
    with Sandbox(weight_limit=WEIGHT_LIMIT, clock=clock.exchange_ms) as exchange:
        yield exchange


@pytest.fixture
def connect(tmp_path) -> Iterator[Callable[..., BinanceClient]]:
    """Makes clients like a sampler's, each of which gives up before its next sample is due."""
    clients = []

    def connect(*exchanges: Sandbox, clock: Clock | None = None, **arguments) -> BinanceClient:
        budget = WeightBudget(tmp_path / "weights.sqlite", clock=clock)
        options = {"attempts": 2, "give_up_after": GIVE_UP_AFTER, **arguments}
        addresses = [exchange.url for exchange in exchanges]
        clients.append(BinanceClient(addresses, budget=budget, simulated=True, clock=clock, **options))
        return clients[-1]

    yield connect
    for client in clients:
        client.close()


def test_the_hosts_clock():
    clock = Clock()
    assert abs(clock.now() - datetime.now(UTC).replace(tzinfo=None)) < timedelta(seconds=1)
    began = clock.monotonic()
    clock.sleep(0.01)
    assert 0.01 <= clock.monotonic() - began < 1


def test_simulated_time_passes_in_sleeps_and_a_jump_is_the_wall_clocks_alone():
    clock = SimulatedClock()
    before = time.monotonic()
    clock.sleep(86_400)
    assert time.monotonic() - before < 1
    assert (clock.now(), clock.monotonic()) == (NOON + timedelta(days=1), 86_400)
    clock.jump(-3600)
    assert (clock.now(), clock.monotonic()) == (NOON + timedelta(hours=23), 86_400)
    assert clock.exchange_now() == NOON + timedelta(days=1)


def test_through_half_an_hour_of_faults(exchange, connect, clock):
    client = connect(exchange, clock=clock)
    client.exchange_info()  # which says what the exchange grants, and uses much of it
    clock.sleep(60)
    exchange.fail(
        Fault("429", begins_in=60, seconds=600, retry_after=45),
        Fault("418", begins_in=660, count=1, amount=300),
        Fault("503", begins_in=1060, seconds=300),
        Fault("truncated_json", begins_in=1360, seconds=300),
    )
    began_really, began = time.monotonic(), clock.monotonic()
    outcomes: dict[int, str] = {}
    for second in range(0, 1800, INTERVAL):
        clock.sleep(began + second - clock.monotonic())
        try:
            client.prices()
        except ExchangeError as error:
            outcomes[second] = type(error).__name__
        else:
            outcomes[second] = "prices"
        assert clock.monotonic() - began - second <= GIVE_UP_AFTER + 0.05

    assert time.monotonic() - began_really < 15
    sent = exchange.requests
    pauses = [(one.status, (next_.at_ms - one.at_ms) / 1000) for one, next_ in pairwise(sent)]
    assert min(pause for status, pause in pauses if status == 429) >= 45
    assert [pause >= 300 for status, pause in pauses if status == 418] == [True]
    assert max(request.used_weight for request in sent) <= 0.8 * WEIGHT_LIMIT

    def met(start: int, end: int) -> set[str]:
        return {outcome for second, outcome in outcomes.items() if start <= second < end}

    assert met(0, 60) == met(1020, 1060) == met(1720, 1800) == {"prices"}
    assert met(70, 660) == {"RateLimited"}
    assert met(710, 960) == {"Banned"}
    assert met(1070, 1360) == {"ExchangeServerError", "RateLimited"}  # two attempts each, until the weight is spent
    assert met(1370, 1660) == {"BadResponse", "RateLimited"}


def test_a_limit_is_an_error_at_once_and_nothing_is_sent_within_it(exchange, connect, clock):
    client = connect(exchange, clock=clock)
    exchange.fail(Fault("429", retry_after=60, count=1))
    for seconds in (0, 10, 40):
        clock.sleep(seconds)
        clock.slept.clear()
        with pytest.raises(RateLimited):
            client.prices()
        assert clock.slept == []
    assert [request.status for request in exchange.requests] == [429]
    clock.sleep(10)
    client.prices()


def test_a_ban_is_an_error_at_once_and_nothing_is_sent_within_it(exchange, connect, clock):
    exchange.fail(Fault("418", amount=300, count=1))
    for seconds in (0, 10, 280):
        clock.sleep(seconds)
        clock.slept.clear()
        with pytest.raises(Banned):
            connect(exchange, clock=clock).prices()
        assert clock.slept == []
    assert [request.status for request in exchange.requests] == [418]
    clock.sleep(11)
    connect(exchange, clock=clock).prices()


@pytest.mark.parametrize(
    ("fault", "error", "says"),
    [
        (Fault("slow", amount=20), BadResponse, "not complete after 0.[56]"),
        (Fault("stall", amount=20), ExchangeUnreachable, "no answer within 0.[56]"),
    ],
)
def test_a_response_may_not_last_longer_than_the_call(sandbox, connect, fault, error, says):
    sandbox.fail(fault)
    with Sandbox() as other:
        client = connect(sandbox, other, give_up_after=0.6, limits=Limits(read_timeout=30, deadline=30))
        began = time.monotonic()
        with pytest.raises(error, match=says):
            client.prices()
        assert 0.5 < time.monotonic() - began < 2
        assert other.requests == []


def test_an_address_that_used_up_a_call_is_not_asked_first_in_the_next(sandbox, connect):
    sandbox.fail(Fault("stall", amount=20))
    with Sandbox() as other:
        client = connect(sandbox, other, give_up_after=0.6)
        with pytest.raises(ExchangeUnreachable):
            client.prices()
        assert client.prices().base_url == other.url


def test_a_second_attempt_has_the_time_that_is_left(sandbox, connect):
    sandbox.fail(Fault("500", count=1), Fault("stall", amount=20))
    began = time.monotonic()
    with pytest.raises(ExchangeUnreachable, match="no answer within"):
        connect(sandbox, give_up_after=1, backoff=0.2).prices()
    assert 0.9 < time.monotonic() - began < 2


@pytest.mark.parametrize("seconds", [-3600, -30, 30, 3600])
def test_a_host_clock_that_is_set_does_not_overrun_the_limit(exchange, connect, clock, seconds):
    client = connect(exchange, clock=clock)
    client.exchange_info()
    held_back = 0
    for second in range(0, 240, 3):  # 80 requests, which is twice of what may be spent
        clock.sleep(3)
        if second == 60:
            clock.jump(seconds)
        try:
            response = client.prices()
        except RateLimited:
            held_back += 1
        else:
            assert response.requested_at < response.received_at
    assert held_back > 20
    assert {request.status for request in exchange.requests} == {200}
