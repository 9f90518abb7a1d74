"""The collector against an exchange over HTTP: minutes in seconds, by a simulated clock."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import pytest
from filelock import FileLock

from binance_assets.clients import Limits
from binance_assets.clients.binance import EPOCH, MILLISECOND
from binance_assets.clock import Clock
from binance_assets.collector import Collector, CollectorRuns, Minute, running_process
from binance_assets.collector.minutes import bring_up_to_date
from binance_assets.home import Home
from binance_assets.landing import Capture, Landing
from binance_assets.raw.load import DamagedLandingFile
from binance_assets.sandbox import Fault, Sandbox
from binance_assets.settings import load_settings
from binance_assets_tests.driven import Driven, Enough, Sample, due_minute, wait_until
from binance_assets_tests.pipeline import MINUTE, SECOND, Pipeline, described, milliseconds
from binance_assets_tests.simulated import NOON, SimulatedClock
from binance_assets_tests.small_market import SmallSandbox, small_market
from binance_assets_tests.test_recordings import RECORDINGS

REQUEST_SECONDS = 0.05
START = NOON + 23.4 * SECOND
DAY = timedelta(days=1)
PAIRS = len(small_market().pairs)


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock(START, request_seconds=REQUEST_SECONDS)


@pytest.fixture
def exchange(clock: SimulatedClock) -> Iterator[Sandbox]:
    with SmallSandbox(clock.exchange_ms) as exchange:
        yield exchange


@pytest.fixture
def home(home: Home, exchange: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("BINANCE_SOURCE", "sandbox")
    monkeypatch.setenv("BINANCE_API_URL", exchange.url)
    return home


@pytest.fixture
def pipeline(home: Home) -> Pipeline:
    return Pipeline(home.store("sandbox").path, "sandbox")


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests really take their time on a busy machine, whatever a simulated clock says."""
    monkeypatch.setattr("binance_assets.exchange.Limits", lambda **_: Limits())
    monkeypatch.setattr(Limits, "within", lambda self, seconds: self)


def grid(start: datetime, until: datetime, interval: int) -> list[datetime]:
    """The grid points from an instant on."""
    step = interval * SECOND
    first = NOON - (NOON - start) // step * step
    return [first + number * step for number in range((until - first) // step + 1)]


def landed(pipeline: Pipeline) -> dict[datetime, list[datetime]]:
    """The grid points in each landing file of samples, by the file's first minute."""
    with duckdb.connect() as duck:
        files = duck.execute(
            "select list(due_at order by due_at) from read_parquet($files, filename = true) "
            "where endpoint = 'ticker/price' and due_at is not null group by filename",
            {"files": str(pipeline.landing.path / "*" / "*.parquet")},
        ).fetchall()
    minutes = {points[0].replace(second=0): points for (points,) in files}
    assert len(minutes) == len(files), "a minute lies in two files"
    return minutes


@pytest.mark.parametrize(("interval", "minutes"), [(1, 3), (10, 12), (60, 8)])
def test_a_steady_grid_a_file_a_minute_and_each_minute_closed(
    home: Home, clock: SimulatedClock, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, interval: int, minutes: int
) -> None:
    monkeypatch.setenv("BINANCE_SAMPLING_INTERVAL_SECONDS", str(interval))
    driven = Driven(home, clock)
    driven.collect(NOON + minutes * MINUTE)

    due = [sample.due_at for sample in driven.samples]
    assert due[0]
    assert START < due[0] <= START + (interval + 1) * SECOND
    assert due == grid(due[0], NOON + minutes * MINUTE, interval)
    for sample in driven.samples:
        assert isinstance(sample, Capture)
        assert sample.due_at
        assert sample.due_at <= sample.received_at < sample.due_at + 2 * REQUEST_SECONDS * SECOND

    assert {point for points in landed(pipeline).values() for point in points} == set(due)
    assert all(point.replace(second=0) == minute for minute, points in landed(pipeline).items() for point in points)
    assert [minute.minute_utc for minute in driven.minutes] == sorted({due_minute(one) for one in driven.samples})[:-1]
    whole = driven.minutes[1:]
    for minute in whole:
        assert (minute.samples, minute.expected, minute.missed) == (60 // interval, 60 // interval, 0)
        assert minute.prices == PAIRS * minute.samples
        assert 0 < minute.lag_seconds < 1
    assert pipeline.rows(
        "select minute_utc, count(*), min(observation_count), min(coverage) from mart.fact_price_minute "
        "where minute_utc >= $first group by minute_utc order by minute_utc",
        first=whole[0].minute_utc,
    ) == [(minute.minute_utc, PAIRS, 60 // interval, 1.0) for minute in whole]
    assert driven.trouble == []


def assert_minutes_are_true(driven: Driven, arrivals: dict[datetime, datetime], pipeline: Pipeline) -> None:
    """Each sample lies at its grid point by the true time, and each whole minute has all of them."""
    assert driven.trouble == []
    for sample in driven.samples:
        assert isinstance(sample, Capture)
        assert sample.due_at
        assert abs(arrivals[sample.due_at] - sample.received_at) < SECOND / 5
    assert pipeline.rows(
        "select distinct coverage from mart.fact_price_minute where minute_utc > $first and minute_utc < $last",
        first=due_minute(driven.samples[0]),
        last=due_minute(driven.samples[-1]),
    ) == [(1.0,)]


@pytest.mark.parametrize("seconds", [3600.0, -3600.0, 437.0, -2.0])
def test_somebody_sets_the_hosts_clock(
    home: Home, clock: SimulatedClock, pipeline: Pipeline, caplog: pytest.LogCaptureFixture, seconds: float
) -> None:
    driven, arrivals = Driven(home, clock), {}

    def note(sample: Sample) -> None:
        arrivals[sample.due_at] = clock.exchange_now()
        if sample.due_at == NOON + 3.5 * MINUTE:
            clock.jump(seconds)

    driven.before_next = note
    driven.collect(NOON + 7 * MINUTE)
    assert [sample.due_at for sample in driven.samples] == grid(START + 6 * SECOND, NOON + 7 * MINUTE, 10)
    assert_minutes_are_true(driven, arrivals, pipeline)
    assert caplog.text.count("clock was set by") == 1
    assert f"clock was set by {seconds:+.1f} s" in caplog.text
    offsets = [minute.clock_offset_seconds for minute in driven.minutes]
    assert offsets[:3] == pytest.approx([0, 0, 0], abs=0.1)
    assert offsets[4:] == pytest.approx([seconds] * 3, abs=0.1)


@pytest.mark.parametrize("seconds", [437.0, -3600.0])
def test_the_hosts_clock_is_wrong_from_the_start(
    home: Home, clock: SimulatedClock, pipeline: Pipeline, caplog: pytest.LogCaptureFixture, seconds: float
) -> None:
    clock.jump(seconds)
    driven, arrivals = Driven(home, clock), {}
    driven.before_next = lambda sample: arrivals.update({sample.due_at: clock.exchange_now()})
    driven.collect(NOON + 4 * MINUTE)
    assert_minutes_are_true(driven, arrivals, pipeline)
    assert f"clock is {seconds:+.1f} s off" in caplog.text
    assert driven.minutes[0].clock_offset_seconds == pytest.approx(seconds, abs=0.1)


@pytest.mark.parametrize("seconds", [3600.0, -3600.0])
def test_the_exchanges_clock_is_an_hour_off_for_five_minutes(
    home: Home,
    exchange: Sandbox,
    clock: SimulatedClock,
    pipeline: Pipeline,
    caplog: pytest.LogCaptureFixture,
    seconds: float,
) -> None:
    exchange.fail(Fault("clock_off", begins_in=150, seconds=300, amount=seconds))
    driven, arrivals = Driven(home, clock), {}
    driven.before_next = lambda sample: arrivals.update({sample.due_at: clock.exchange_now()})
    driven.collect(NOON + 11 * MINUTE)
    assert [sample.due_at for sample in driven.samples] == grid(START + 6 * SECOND, NOON + 11 * MINUTE, 10)
    assert_minutes_are_true(driven, arrivals, pipeline)
    assert caplog.text.count(f"The exchange's clock is {seconds:+.1f} s off") == 5


class Laptop(SimulatedClock):
    """A machine that can sleep: its monotonic clock stands still meanwhile, the others go on."""

    asleep = 0.0

    def monotonic(self) -> float:
        return super().monotonic() - self.asleep

    def exchange_now(self) -> datetime:
        return self._start + timedelta(seconds=super().monotonic())

    def close_the_lid(self, seconds: float) -> None:
        self.sleep(seconds)
        self.asleep += seconds


def test_the_machine_has_slept(home: Home, exchange: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    laptop = Laptop(START, request_seconds=REQUEST_SECONDS)
    exchange.clock = laptop.exchange_ms
    driven, arrivals = Driven(home, laptop), {}
    pipeline = Pipeline(home.store("sandbox").path, "sandbox")

    def note(sample: Sample) -> None:
        arrivals[sample.due_at] = laptop.exchange_now()
        if sample.due_at == NOON + 3.5 * MINUTE:
            laptop.close_the_lid(25.25 * 60)

    driven.before_next = note
    driven.collect(NOON + 31 * MINUTE)
    # It woke at 12:28:45, in the middle of a wait of ten seconds.
    asleep = grid(NOON + 3.5 * MINUTE + SECOND, NOON + 28.9 * MINUTE, 10)
    assert [sample.due_at for sample in driven.samples] == [
        point for point in grid(START, NOON + 31 * MINUTE, 10) if point not in asleep
    ]
    for sample in driven.samples:
        assert isinstance(sample, Capture)
        assert abs(arrivals[sample.due_at] - sample.received_at) < SECOND / 5
    assert "this machine has slept" in caplog.text
    pipeline.update()
    assert pipeline.rows("select from_utc, to_utc, cause from mart.gap where pair_key is null") == [
        (asleep[0], asleep[-1] + 10 * SECOND, "collector_down")
    ]


class FastClock(Clock):
    """Real time, but quicker."""

    def __init__(self, speed: float) -> None:
        self._speed = speed
        self._began = time.monotonic()

    def now(self) -> datetime:
        return START + self.monotonic() * SECOND

    def monotonic(self) -> float:
        return (time.monotonic() - self._began) * self._speed

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds / self._speed)

    def exchange_ms(self) -> int:
        return milliseconds(self.now())


def test_collectors_hand_over_without_a_missed_or_doubled_grid_point(
    home: Home, exchange: Sandbox, pipeline: Pipeline
) -> None:
    """Three of them, each of which comes while the one before it samples; and one that is not to take over."""
    clock = FastClock(speed=12)
    exchange.clock = clock.exchange_ms
    store, settings = home.store("sandbox"), load_settings()
    samples: list[tuple[int, Sample]] = []
    minutes: list[tuple[int, datetime]] = []
    stop = threading.Event()

    def collect(number: int) -> None:
        def note(sample: Sample) -> None:
            samples.append((number, sample))
            if stop.is_set():
                raise Enough

        Collector(
            home,
            store,
            settings,
            host=clock,
            on_sample=note,
            on_minute=lambda minute: minutes.append((number, minute.minute_utc)),
        ).collect(take_over=True)

    with ThreadPoolExecutor(3) as threads:
        shifts = []
        for number in range(3):
            shifts.append(threads.submit(collect, number))
            wait_until(lambda number=number: samples and samples[-1][0] == number)
        with pytest.raises(CollectorRuns, match=rf"process {os.getpid()}\)"):
            Collector(home, store, settings, host=clock).collect(take_over=False)
        wait_until(lambda: minutes and minutes[-1][0] == 2)
        stop.set()
        assert [shift.result() for shift in shifts[:2]] == [None, None]
        with pytest.raises(Enough):
            shifts[2].result()
    due = [sample.due_at for _, sample in samples]
    assert all(isinstance(sample, Capture) for _, sample in samples)
    assert due == grid(due[0], due[-1], 10)
    assert [number for number, _ in samples] == sorted(number for number, _ in samples)
    assert sorted(minute for _, minute in minutes) == sorted({due_minute(one) for _, one in samples})[:-1]
    assert [(one.due_at.second, two.due_at.second) for (a, one), (b, two) in pairwise(samples) if a != b] == [
        (50, 0)
    ] * 2
    assert pipeline.rows(
        "select count(*) from mart.fact_price_minute where coverage < 1 and minute_utc > $first", first=due[0]
    ) == [(0,)]
    assert running_process(store) is None


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_command_and_what_was_sampled_is_landed(
    home: Home, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    monkeypatch.setenv("BINANCE_SAMPLING_INTERVAL_SECONDS", "1")
    with SmallSandbox() as exchange:
        monkeypatch.setenv("BINANCE_API_URL", exchange.url)
        command = [sys.executable, "-m", "binance_assets", "collect", "--json"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            wait_until(lambda: sum(request.endpoint == "ticker/price" for request in exchange.requests) >= 3)
            assert running_process(home.store("sandbox")) == process.pid
            process.send_signal(number)
            _, errors = process.communicate(timeout=30)
        answered = sum(request.endpoint == "ticker/price" for request in exchange.requests)
    assert process.returncode == 0, errors
    assert "Stopped. What was sampled is landed." in errors
    samples = sum(map(len, landed(pipeline).values()))
    assert answered - 1 <= samples <= answered, "only one that was on its way may be missing"
    assert pipeline.rows("select count(*) from raw.capture where endpoint = 'ticker/price'") == [(samples,)]
    assert running_process(home.store("sandbox")) is None


WEIGHT_LIMIT = 50

TROUBLE = {
    (2, 12): ({"RateLimited"}, Fault("429", seconds=600, retry_after=45)),
    (14, 19): ({"ExchangeServerError", "RateLimited"}, Fault("503", seconds=300)),
    (21, 23.5): ({"BadResponse", "RateLimited"}, Fault("cut", seconds=150)),
    (23.5, 26): ({"BadResponse", "RateLimited"}, Fault("truncated_json", seconds=150)),
    (28, 33 + 1 / 6): ({"Banned"}, Fault("418", count=1, amount=300)),
}
"""From which minute to which no sample can succeed, with which errors, and why. The ban ends after a grid point."""

NO_TROUBLE = {35: Fault("halted", seconds=180), 40: Fault("clock_off", seconds=300, amount=3600)}


def test_fifty_minutes_of_trouble(home: Home, clock: SimulatedClock, monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline = Pipeline(home.store("sandbox").path, "sandbox")
    end = NOON + 48 * MINUTE
    with SmallSandbox(clock.exchange_ms, WEIGHT_LIMIT) as exchange:
        monkeypatch.setenv("BINANCE_API_URL", exchange.url)
        driven = Driven(home, clock)
        faults = {start: fault for (start, _), (_, fault) in TROUBLE.items()} | NO_TROUBLE
        for start, fault in faults.items():
            begins_in = (NOON + start * MINUTE - SECOND - clock.exchange_now()).total_seconds()
            exchange.fail(replace(fault, begins_in=begins_in))
        driven.before_next = lambda sample: clock.jump(3600) if sample.due_at == NOON + 46 * MINUTE else None
        driven.collect(end)
        requests = exchange.requests
    pipeline.update()

    missed = dict(pipeline.rows("select due_at, error from raw.missed_sample order by due_at"))
    expected = {
        (start, until): grid(NOON + start * MINUTE, NOON + until * MINUTE - SECOND, 10) for start, until in TROUBLE
    }
    assert list(missed) == [point for points in expected.values() for point in points]
    for span, points in expected.items():
        assert {missed[point] for point in points} == TROUBLE[span][0], span
    assert [sample.due_at for sample in driven.samples] == grid(START, end, 10)
    captured = [one.due_at for one in driven.samples if isinstance(one, Capture)]
    assert sorted(point for points in landed(pipeline).values() for point in points) == sorted([*captured, *missed])
    assert captured == [point for point in grid(START, end, 10) if point not in missed]
    for one, following in pairwise(requests):
        pause = (following.at_ms - one.at_ms) / 1000
        assert one.status != 429 or pause >= 45
        assert one.status != 418 or pause >= 300
    assert len(requests) < 1000, "older ones are forgotten"
    assert max(request.used_weight for request in requests) <= 0.8 * WEIGHT_LIMIT

    outages = [(2, 12), (14, 19), (21, 26), (28, 33 + 1 / 6)]
    assert pipeline.rows("select from_utc, to_utc, cause, pair_key from mart.gap order by from_utc") == [
        (NOON + start * MINUTE, NOON + until * MINUTE, "exchange_outage", None) for start, until in outages
    ]
    for minute in driven.minutes[1:]:
        lost = sum(minute.minute_utc <= point < minute.minute_utc + MINUTE for point in missed)
        assert (minute.missed, minute.samples) == (lost, 6 - lost)
    coverages = dict(pipeline.rows("select distinct minute_utc, observation_count from mart.fact_price_minute"))
    assert coverages == {minute.minute_utc: minute.samples for minute in driven.minutes}, (
        "each pair has what the market has, and gap rows where that is nothing"
    )
    assert driven.trouble == []
    before = pipeline.tables()
    pipeline.rebuild()
    assert pipeline.tables() == before


class Replay:
    """What the exchange once answered, in place of a market."""

    def __init__(self, polls: dict[datetime, Any], symbols: list[dict[str, Any]]) -> None:
        self._polls = polls
        self._symbols = symbols

    def knows(self, endpoint: str) -> bool:
        return endpoint in {"time", "exchangeInfo", "ticker/price"}

    def weight(self, endpoint: str, query: object) -> int:
        return 1

    def answer(self, endpoint: str, parameters: object, now_ms: int) -> Any:
        now = {"serverTime": now_ms}
        return {
            "time": lambda: now,
            "exchangeInfo": lambda: now | {"timezone": "UTC", "symbols": self._symbols},
            "ticker/price": lambda: self._polls[EPOCH + now_ms * MILLISECOND],
        }[endpoint]()


@pytest.mark.skipif(not RECORDINGS.is_dir(), reason="BINANCE_RECORDINGS does not say where recordings are")
def test_recorded_polls_give_the_same_minutes_collected_as_imported(
    home: Home, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """All but what tells sampled from imported: the source, and how many were expected, by a grid or by the answers."""
    polls = {
        datetime.fromtimestamp(int(path.name.partition(".")[0]), UTC).replace(tzinfo=None): mid_prices(path)
        for path in (RECORDINGS / "book_ticker_polls").glob("*.json.gz")
    }
    instants = sorted(polls)
    symbols = [described(symbol, symbol, "MID") for symbol in sorted({row["symbol"] for row in polls[instants[0]]})]

    class Replayed(Collector):
        def _grid(self) -> Iterator[datetime]:
            for instant in instants:
                self.clock.sleep((instant - self.clock.now()).total_seconds())
                yield instant
            raise Enough

    clock = SimulatedClock(instants[0] - SECOND)
    monkeypatch.setenv("BINANCE_SAMPLING_INTERVAL_SECONDS", "3")
    with SmallSandbox(clock.exchange_ms) as exchange:
        exchange._exchange = Replay(polls, symbols)  # type: ignore[assignment]
        monkeypatch.setenv("BINANCE_API_URL", exchange.url)
        Driven(home, clock, Replayed).collect(instants[-1] + MINUTE)
    collected = Pipeline(home.store("sandbox").path, "sandbox")
    # The last minute is over when something comes after it.
    collected.landing.land(Capture("ticker/price", "import", instants[0] - 30 * DAY, b"[]"))
    collected.update()

    imported = Pipeline(tmp_path / "imported")
    imported.land_info(symbols, instants[0] - SECOND)
    imported.land_table(
        tmp_path / "polls.csv",
        [f"{row['symbol']},{row['price']},{at.isoformat()}Z" for at in instants for row in polls[at]],
    )
    imported.update()

    minutes = (
        "select symbol, minute.* exclude (source, expected_count, coverage) from mart.fact_price_minute as minute "
        "inner join mart.dim_pair using (pair_key) order by symbol, minute_utc"
    )
    assert len(collected.rows(minutes)) > 4 * 500
    assert collected.rows(minutes) == imported.rows(minutes)
    refused = "select retrieved_at, reason, count(*) from raw.quarantine group by all order by all"
    assert collected.rows(refused) == imported.rows(refused)


def mid_prices(poll: Path) -> list[dict[str, str]]:
    return [
        {"symbol": row["symbol"], "price": f"{((Decimal(row['bidPrice']) + Decimal(row['askPrice'])) / 2):.8f}"}
        for row in json.loads(gzip.decompress(poll.read_bytes()))
    ]


def test_while_the_warehouse_is_in_use_minutes_are_landed_and_then_closed_together(
    home: Home, clock: SimulatedClock, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("binance_assets.collector.minutes.RETRY_SECONDS", 0.05)
    monkeypatch.setattr("binance_assets.warehouse.LOCK_TIMEOUT_SECONDS", 0.05)
    driven = Driven(home, clock)
    somebody = FileLock(pipeline.warehouse.path.with_suffix(".lock"))

    def use_the_warehouse(sample: Sample) -> None:
        if sample.due_at == NOON + 2.5 * MINUTE:
            somebody.acquire()
            driven.in_step = False
        if sample.due_at == NOON + 6.5 * MINUTE:
            wait_until(lambda: len(landed(pipeline)) == 6)
            assert len(driven.minutes) == 2
            wait_until(lambda: driven.trouble)
            assert "has been in use by another run" in driven.trouble[0]
            somebody.release()
            driven.in_step = True

    driven.before_next = use_the_warehouse
    driven.collect(NOON + 8 * MINUTE)
    assert [minute.minute_utc for minute in driven.minutes] == [NOON + number * MINUTE for number in range(8)]
    assert sum(minute.prices for minute in driven.minutes) == PAIRS * (len(driven.samples) - 1)
    assert pipeline.rows(
        "select distinct coverage from mart.fact_price_minute where minute_utc > $first", first=NOON
    ) == [(1.0,)]


def test_minutes_are_landed_while_a_long_close_is_at_work(
    home: Home, clock: SimulatedClock, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    driven = Driven(home, clock)
    closing, go_on = threading.Event(), threading.Event()

    def close_slowly(*arguments: object) -> object:
        closing.set()
        assert go_on.wait(60)
        return bring_up_to_date(*arguments)  # type: ignore[arg-type]

    def look(sample: Sample) -> None:
        if sample.due_at == NOON + 0.5 * MINUTE:
            driven.in_step = False
            monkeypatch.setattr("binance_assets.collector.minutes.bring_up_to_date", close_slowly)
        if sample.due_at == NOON + 4.5 * MINUTE:
            wait_until(closing.is_set)
            wait_until(lambda: len(landed(pipeline)) == 4)
            assert not driven.minutes
            go_on.set()
            driven.in_step = True

    driven.before_next = look
    driven.collect(NOON + 6 * MINUTE)
    assert [minute.minute_utc for minute in driven.minutes] == [NOON + number * MINUTE for number in range(6)]


def test_what_was_sampled_is_landed_though_minutes_cannot_be_closed_for_good(
    home: Home, clock: SimulatedClock, pipeline: Pipeline
) -> None:
    driven = Driven(home, clock)
    driven.in_step = False

    def damage_a_file(sample: Sample) -> None:
        if sample.due_at == NOON + 2 * MINUTE:
            file = Landing(pipeline.landing.path, clock).land(Capture("ticker/price", "sandbox", NOON, b"[]"))
            with duckdb.connect() as duck:
                path = pipeline.landing.absolute(file)
                duck.execute("create table response as from read_parquet($path)", {"path": path})
                duck.execute(
                    "copy (select * replace (encode('[{}]') as body) from response) to $path (format parquet)",
                    {"path": path},
                )

    driven.before_next = damage_a_file
    with pytest.raises(DamagedLandingFile):
        driven.collect(NOON + 8 * MINUTE)
    points = [point for points in landed(pipeline).values() for point in points]
    assert sorted(points) == [sample.due_at for sample in driven.samples]


def test_a_listener_that_fails_stops_nothing(
    home: Home, clock: SimulatedClock, pipeline: Pipeline, caplog: pytest.LogCaptureFixture
) -> None:
    driven = Driven(home, clock)
    told: list[Minute] = []

    def fail(minute: Minute) -> None:
        driven._minute(minute)
        told.append(minute)
        raise OSError("the log lies on a full disk")

    driven.collector._on_minute = fail
    driven.collect(NOON + 4 * MINUTE)
    assert len(told) == 4
    assert caplog.text.count("This could not be told") == 4


def test_a_slow_exchange_does_not_cost_a_grid_point(
    home: Home, exchange: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a grid of a second, with answers that take three tenths: there is not always time to compare the clocks."""
    monkeypatch.setenv("BINANCE_SAMPLING_INTERVAL_SECONDS", "1")
    clock = SimulatedClock(START, request_seconds=0.3)
    exchange.clock = clock.exchange_ms
    driven = Driven(home, clock)
    driven.collect(NOON + 3 * MINUTE)
    assert [sample.due_at for sample in driven.samples] == grid(driven.samples[0].due_at, NOON + 3 * MINUTE, 1)
