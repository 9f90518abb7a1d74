"""Collectors and sealings that are killed at any moment: nothing that was landed is lost, nothing is there twice."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from filelock import FileLock

from binance_assets import lake
from binance_assets.collector import running_process
from binance_assets.home import Home
from binance_assets.housekeeping.files import sweep
from binance_assets_tests.pipeline import HOUR, MINUTE, NOON, ROOT, Pipeline
from binance_assets_tests.test_crash import landed_observations, stored_observations

KILLS = 50

LONGEST_LIFE = 1.5
"""Seconds within which a process is killed."""

RUNNER = """
# For each line of input, "collect", "seal" or "collect seal", and seconds or "-": these two at once, in processes of
# their own, all killed after so many seconds, or after two minutes, since one that waits for ever is a failure too.
# Answers with the exit codes (-9 for one that was killed). Importing once for all saves most of the time.
import os, random, signal, sys, threading, time
from datetime import datetime, timedelta
from binance_assets import lake
from binance_assets.collector import Collector
from binance_assets.home import Home
from binance_assets.settings import load_settings
from binance_assets_tests.driven import Driven, Enough
from binance_assets_tests.simulated import NOON, SimulatedClock
from binance_assets_tests.small_market import SmallSandbox, small_market

small_market()
home = Home.of(load_settings())
store = home.store("sandbox")

def collect(chance):
    # Some minutes, with an hour or so between them, so that hours and days come to an end.
    try:
        begun = datetime.fromisoformat((store.path / "landing" / ".newest").read_text())
    except FileNotFoundError:
        begun = NOON
    clock = SimulatedClock(begun + chance.choice([1, 60, 600]) * timedelta(minutes=1), request_seconds=0.05)
    with SmallSandbox(clock.exchange_ms) as exchange:
        os.environ["BINANCE_API_URL"] = exchange.url
        driven = Driven(home, clock)
        def note(sample):
            if sample.due_at.second == 50:
                clock.sleep(chance.choice([0, 0, 60, 400, 700]) * 60)
        driven.before_next = note
        driven.collect(lambda sample: len(driven.minutes) >= 8)

def seal(chance):
    with store.warehouse.connect() as connection:
        days = lake.sealable_days(connection)
    for day in days:
        try:
            lake.seal(store.warehouse, day)
        except lake.NotSealed as reason:
            print(reason, file=sys.stderr)

WORK = {"collect": collect, "seal": seal}

for number, line in enumerate(sys.stdin):
    *names, life = line.split()
    children = []
    for name in names:
        child = os.fork()
        if child == 0:
            try:
                WORK[name](random.Random(f"{name} {number}"))
            except BaseException:
                import traceback
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        children.append(child)
    timer = threading.Timer(120 if life == "-" else float(life), lambda: [os.kill(c, signal.SIGKILL) for c in children])
    timer.start()
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    timer.cancel()
    print(*codes, flush=True)
"""


class Runner:
    """Runs, and kills, in processes of their own."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def run(self, *names: str, kill_after: float | None = None) -> list[int]:
        """The exit codes; -9 for one that was killed."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(f"{' '.join(names)} {'-' if kill_after is None else kill_after}\n")
        self.process.stdin.flush()
        return [int(code) for code in self.process.stdout.readline().split()]


@contextmanager
def runner() -> Iterator[Runner]:
    with subprocess.Popen(
        [sys.executable, "-c", RUNNER], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield Runner(process)
        assert process.stdin
        process.stdin.close()


def holes(pipeline: Pipeline) -> list[tuple[datetime, datetime]]:
    """Between which grid points no sample was landed."""
    with duckdb.connect() as duck:
        return duck.execute(
            "select due_at + interval 10 second, next_at from ("
            "select due_at, lead(due_at) over (order by due_at) as next_at from "
            "(select distinct due_at from read_parquet($files) where endpoint = 'ticker/price')"
            ") where next_at > due_at + interval 10 second order by due_at",
            {"files": str(pipeline.landing.path / "*" / "*.parquet")},
        ).fetchall()


def test_collectors_and_sealings_that_are_killed_lose_nothing_and_double_nothing(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BINANCE_SOURCE", "sandbox")
    monkeypatch.setenv("BINANCE_API_URL", "http://127.0.0.1:9")  # replaced by each collector
    store = home.store("sandbox")
    pipeline = Pipeline(store.path, "sandbox")
    chance = random.Random(20261120)
    kills = 0
    with runner() as runs:
        for _ in range(3):  # some days that can be sealed
            assert runs.run("collect") == [0]
        while kills < KILLS:
            names = chance.choice([["collect"], ["seal"], ["collect", "seal"]])
            codes = runs.run(*names, kill_after=chance.uniform(0, LONGEST_LIFE))
            assert set(codes) <= {0, -9}, f"after kills {names} failed"
            kills += -9 in codes
        assert any(store.warehouse.lake.glob(".*")), "no sealing was killed at its work"
        assert runs.run("collect") == [0], "the last collector, which nobody killed, failed"
        assert runs.run("seal") == [0]
        assert runs.run("seal") == [0]

    for lock in ("sampling.lock", "successor.lock", "warehouse.lock", "landing/.lock"):
        FileLock(store.path / lock).acquire(blocking=False).lock.release()
    assert running_process(store) is None
    sweep([store.path, store.landing.path, store.warehouse.lake], untouched=timedelta(0))
    hidden = {str(path.relative_to(store.path)) for path in store.path.rglob(".*")}
    assert hidden <= {"landing/.lock", "landing/.newest"}

    pipeline.update()
    with pipeline.warehouse.connect() as connection:
        assert connection.value("select count(distinct date) from meta.sealed_partition") >= 3
    landed = landed_observations(pipeline)
    assert stored_observations(pipeline) == landed
    [(received, stored, refused)] = pipeline.rows(
        "select (select sum(row_count) from raw.capture where endpoint = 'ticker/price'), "
        "(select count(*) from core.price_history), (select count(*) from raw.quarantine)"
    )
    assert (received, refused) == (stored, 0)
    assert pipeline.rows("select from_utc, to_utc from mart.gap where cause = 'collector_down' order by from_utc") == (
        holes(pipeline)
    )
    assert pipeline.rows("select count(*) from mart.gap where cause <> 'collector_down'") == [(0,)]

    incremental = pipeline.tables()
    pipeline.rebuild()
    rebuilt: dict[str, list[tuple[Any, ...]]] = pipeline.tables()
    for name, rows in incremental.items():
        assert rebuilt[name] == rows, f"{name} differs after the rebuild"


def test_what_comes_for_a_table_without_rows_while_its_day_is_sealed_is_not_dropped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline = Pipeline(tmp_path / "live")
    pipeline.land_info(at=NOON - HOUR)
    samples = [pipeline.sampled({"BTCUSDT": "60000.5"}, NOON + number * HOUR) for number in range(50)]
    pipeline.landing.land_minute(samples)
    pipeline.update()
    merge = lake._merge

    def merge_while_something_comes(*arguments: Any) -> Path:
        if not pipeline.rows("from open.missed_sample"):
            pipeline.land_missed(NOON + MINUTE)
            pipeline.load()
        return merge(*arguments)

    monkeypatch.setattr(lake, "_merge", merge_while_something_comes)
    with pytest.raises(lake.NotSealed, match=r"raw\.missed_sample"):
        lake.seal(pipeline.warehouse, NOON.date())
    assert pipeline.rows("select due_at from raw.missed_sample") == [(NOON + MINUTE,)]
    lake.seal(pipeline.warehouse, NOON.date())
    assert pipeline.rows("select due_at from raw.missed_sample") == [(NOON + MINUTE,)]
