"""Whole runs that are killed at any moment: nothing that was landed is lost, nothing is there twice."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from typing import Any

import dagster as dg
import duckdb
import pytest

from binance_assets.home import Home
from binance_assets.runs import execute
from binance_assets.sandbox import Sandbox
from binance_assets_tests.pipeline import ROOT, Pipeline
from binance_assets_tests.small_market import SmallSandbox, small_market

KILLS = 20

LONGEST_RUN = 7.0
"""Seconds within which runs are killed; less as soon as a run turns out to be quicker."""

RUNNER = """
# For each line of input, "seconds" or "": a whole run in a process of its own, killed after so many seconds, or after
# two minutes, since a run that waits for ever is a failure too.
# Answers with the exit code (-9 if it was killed) and how long it took. Importing once for all saves most of the time.
import os, signal, sys, time, threading
from datetime import timedelta
from binance_assets.home import Home
from binance_assets.landing import sampling
from binance_assets.runs import RunFailed, execute
from binance_assets.settings import load_settings
import binance_assets.definitions

sampling.grid = lambda start, interval: [start + n * timedelta(seconds=0.3) for n in range(4)]

for line in sys.stdin:
    started = time.monotonic()
    child = os.fork()
    if child == 0:
        try:
            execute(Home.of(load_settings()), "run_once")
        except RunFailed as error:
            print(error, file=sys.stderr, flush=True)
            os._exit(1)
        os._exit(0)
    timer = threading.Timer(float(line.strip() or 120), os.kill, (child, signal.SIGKILL))
    timer.start()
    _, status = os.waitpid(child, 0)
    timer.cancel()
    print(os.waitstatus_to_exitcode(status), time.monotonic() - started, flush=True)
"""


class Runner:
    """Runs, and kills, in processes of their own."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def run(self, kill_after: float | None = None) -> tuple[int, float]:
        """Exit code (-9 if it was killed), and seconds."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(f"{'' if kill_after is None else kill_after}\n")
        self.process.stdin.flush()
        code, seconds = self.process.stdout.readline().split()
        return int(code), float(seconds)


@contextmanager
def runner() -> Iterator[Runner]:
    with subprocess.Popen(
        [sys.executable, "-c", RUNNER], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield Runner(process)
        assert process.stdin
        process.stdin.close()


def landed_observations(pipeline: Pipeline) -> Counter[tuple[str, datetime, Decimal]]:
    """Read from the landing files by nothing but DuckDB and json; a response that was landed twice counts once."""
    with duckdb.connect() as duck:
        responses = duck.execute(
            "select distinct capture_id, received_at, body from read_parquet($files) where endpoint = 'ticker/price'",
            {"files": str(pipeline.landing.path / "*" / "*.parquet")},
        ).fetchall()
    return Counter(
        (row["symbol"], received_at, Decimal(row["price"]))
        for _, received_at, body in responses
        for row in json.loads(body)
    )


def stored_observations(pipeline: Pipeline) -> Counter[tuple[str, datetime, Decimal]]:
    rows = pipeline.rows(
        "select symbol, observed_at, price from core.price_history inner join core.pair using (pair_id) "
        "union all select symbol, observed_at, price from core.price_without_metadata"
    )
    return Counter(rows)


def assert_nobody_holds_the_writers_place(home: Home) -> None:
    with home.dagster_instance() as instance:
        unfinished = dg.RunsFilter(
            statuses=[dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.QUEUED]
        )
        assert instance.get_runs(unfinished) == []
        for pool in instance.event_log_storage.get_concurrency_keys():
            info = instance.event_log_storage.get_concurrency_info(pool)
            assert (info.active_slot_count, info.pending_step_count) == (0, 0), pool


@pytest.fixture
def exchange() -> Iterator[Sandbox]:
    with SmallSandbox() as exchange:
        yield exchange


def test_runs_that_are_killed_lose_nothing_and_double_nothing(
    home: Home, exchange: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BINANCE_SOURCE", "sandbox")
    monkeypatch.setenv("BINANCE_API_URL", exchange.url)
    pipeline = Pipeline(home.store("sandbox").path, "sandbox")
    chance = random.Random(20240301)
    kills, span = 0, LONGEST_RUN
    with runner() as runs:
        while kills < KILLS:
            code, seconds = runs.run(kill_after=chance.uniform(0, span))
            assert code in {0, -9}, "a run after a kill failed"
            if code == 0:  # done before it was to be killed
                span = min(span, seconds)
            else:
                kills += 1
        assert runs.run()[0] == 0, "the last run, which nobody killed, failed"

    landed = landed_observations(pipeline)
    assert len(landed) >= len(small_market().pairs) * 4
    assert stored_observations(pipeline) == landed
    [(received, stored, refused)] = pipeline.rows(
        "select (select sum(row_count) from raw.capture where endpoint = 'ticker/price'), "
        "(select count(*) from raw.ticker_price), (select count(*) from raw.quarantine)"
    )
    assert (received, refused) == (stored, 0)
    assert_nobody_holds_the_writers_place(home)

    incremental = pipeline.tables()
    execute(home, "rebuild")
    rebuilt: dict[str, list[tuple[Any, ...]]] = pipeline.tables()
    for name, rows in incremental.items():
        assert rebuilt[name] == rows, f"{name} differs after the rebuild"
