"""The shared request weight: the rule in slow motion, then real processes against a real limit."""

import sqlite3
import subprocess
import sys
from datetime import timedelta

import pytest

from binance_assets.clients import WeightBudget, WeightBudgetError
from binance_assets.clients.binance import EPOCH
from binance_assets.clients.budget import HeldBack
from binance_assets.sandbox import Sandbox
from binance_assets_tests.simulated import SimulatedClock

MINUTE = 29_000_000  # since the epoch; a minute of the year 2025


@pytest.fixture
def clock():
    return SimulatedClock(EPOCH + timedelta(minutes=MINUTE, seconds=10))


@pytest.fixture
def weights(tmp_path, clock):
    return WeightBudget(tmp_path / "new folder" / "weights.sqlite", clock=clock)


def test_spends_four_fifths_of_the_limit_then_waits_for_the_next_minute(weights, clock):
    weights.set_limit("exchange", 100)
    for _ in range(20):
        assert weights.reserve("exchange", 4, patience=0) == MINUTE
    assert clock.slept == []
    assert weights.reserve("exchange", 4, patience=60) == MINUTE + 1
    assert clock.slept == [50]


def test_says_until_when_if_the_wait_is_too_long(weights, clock):
    weights.set_limit("exchange", 100)
    weights.reserve("exchange", 80, patience=0)
    with pytest.raises(HeldBack) as raised:
        weights.reserve("exchange", 1, patience=49)
    assert not raised.value.banned
    assert raised.value.seconds == 50
    assert raised.value.until == EPOCH + timedelta(minutes=MINUTE + 1)
    assert clock.slept == []


def test_what_the_exchange_has_counted_wins_when_it_is_more(weights):
    weights.set_limit("exchange", 100)
    minute = weights.reserve("exchange", 2, patience=0)
    weights.settle("exchange", minute, 79)  # another program on this address
    weights.reserve("exchange", 1, patience=0)
    with pytest.raises(HeldBack):
        weights.reserve("exchange", 1, patience=0)


def test_what_the_exchange_has_counted_does_not_undo_what_is_under_way(weights):
    weights.set_limit("exchange", 100)
    minute = weights.reserve("exchange", 40, patience=0)
    weights.reserve("exchange", 40, patience=0)
    weights.settle("exchange", minute, 40)  # the first one's answer; the second has not arrived
    with pytest.raises(HeldBack):
        weights.reserve("exchange", 1, patience=0)


def test_a_count_of_the_last_minute_does_not_burden_this_one(weights, clock):
    weights.set_limit("exchange", 100)
    minute = weights.reserve("exchange", 2, patience=0)
    clock.sleep(60)
    weights.reserve("exchange", 2, patience=0)
    weights.settle("exchange", minute, 100)
    weights.reserve("exchange", 78, patience=0)


def test_a_request_heavier_than_the_share_has_a_minute_for_itself(weights):
    weights.set_limit("exchange", 10)
    assert weights.reserve("exchange", 20, patience=0) == MINUTE
    assert weights.reserve("exchange", 20, patience=60) == MINUTE + 1


def test_accounts_do_not_touch_each_other(weights):
    weights.hold("exchange", 100, banned=True)
    weights.reserve("sandbox", 1, patience=0)


def test_a_limit_is_waited_for(weights, clock):
    weights.hold("exchange", 7, banned=False)
    weights.hold("exchange", 3, banned=False)  # a hold is only ever made longer
    weights.reserve("exchange", 1, patience=10)
    assert clock.slept == [7]


def test_a_wait_is_over_when_its_time_is_though_the_hosts_clock_is_set_back(weights, clock, monkeypatch):
    monkeypatch.setattr(clock, "sleep", lambda seconds: (SimulatedClock.sleep(clock, seconds), clock.jump(-3600)))
    weights.hold("exchange", 7, banned=False)
    with pytest.raises(HeldBack):
        weights.reserve("exchange", 1, patience=10)
    assert clock.slept == [7]


def test_a_ban_is_not_waited_for_and_ends(weights, clock):
    weights.hold("exchange", 120, banned=True)
    with pytest.raises(HeldBack) as raised:
        weights.reserve("exchange", 1, patience=1000)
    assert raised.value.banned
    clock.sleep(120)
    weights.reserve("exchange", 1, patience=0)


def test_holds_no_longer_than_the_longest_ban(weights, clock):
    weights.hold("exchange", 1e12, banned=True)
    clock.sleep(3 * 24 * 3600)
    weights.reserve("exchange", 1, patience=0)


def test_everything_is_still_known_after_a_restart(weights, clock):
    weights.set_limit("exchange", 100)
    weights.reserve("exchange", 80, patience=0)
    weights.hold("other", 120, banned=True)
    again = WeightBudget(weights.path, clock=clock)
    with pytest.raises(HeldBack):
        again.reserve("exchange", 1, patience=0)
    with pytest.raises(HeldBack):
        again.reserve("other", 1, patience=0)


def test_a_file_that_is_none_is_named(weights):
    weights.path.parent.mkdir()
    weights.path.write_bytes(b"not a database" * 100)
    with pytest.raises(WeightBudgetError, match=r"weights\.sqlite.*may be deleted"):
        weights.reserve("exchange", 1, patience=0)


def test_a_transaction_that_was_killed_half_way_costs_nothing(weights):
    weights.set_limit("exchange", 100)
    kill_within_transaction = (
        "import os, sqlite3, sys\n"
        "connection = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "connection.execute('begin immediate')\n"
        "connection.execute('update account set spent = 80, banned_until = 1e12')\n"
        "os.kill(os.getpid(), 9)\n"
    )
    killed = subprocess.run([sys.executable, "-c", kill_within_transaction, weights.path], check=False)
    assert killed.returncode == -9
    weights.reserve("exchange", 80, patience=0)


SPEND_UNTIL_HELD_BACK = """
import sys
from pathlib import Path
from binance_assets.clients import BinanceClient, RateLimited, WeightBudget

most = 0
with BinanceClient([sys.argv[1]], budget=WeightBudget(Path(sys.argv[2])), simulated=True, give_up_after=0.5) as client:
    try:
        while True:
            most = client.price("BTCUSDT").used_weight
    except RateLimited as error:
        assert error.status is None, error  # not the exchange had to say it
print(most)
"""


def test_processes_that_share_a_home_stay_below_the_limit_together(tmp_path):
    path = tmp_path / "weights.sqlite"
    with Sandbox(weight_limit=400) as sandbox:
        WeightBudget(path).set_limit(sandbox.url.removeprefix("http://"), 400)
        command = [sys.executable, "-c", SPEND_UNTIL_HELD_BACK, sandbox.url, path]
        processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
        most_used = [int(process.communicate(timeout=60)[0]) for process in processes]
        assert [process.returncode for process in processes] == [0, 0, 0]
        assert {request.status for request in sandbox.requests} == {200}
    assert 0.75 * 400 < max(most_used) <= 400
    with sqlite3.connect(path) as connection:
        assert connection.execute("pragma integrity_check").fetchone() == ("ok",)
    connection.close()
