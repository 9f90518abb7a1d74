"""Backfills that are killed at any moment, or stopped: they go on, and end in the same bytes."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from binance_assets.sandbox import Fault, Sandbox
from binance_assets.sandbox.archive_defects import Defect
from binance_assets_tests.klines import ArchiveStore
from binance_assets_tests.pipeline import ROOT
from binance_assets_tests.small_history import asked, store_at, words

KILLS = 6


RUNNER = """
# For each line of input, "seconds" or "": a backfill in a process of its own, killed after so many seconds.
# Answers with the exit code (-9 if it was killed) and how long it took.
import os, signal, sys, time, threading, traceback
from binance_assets.cli import main
from binance_assets.definitions import defs

for line in sys.stdin:
    started = time.monotonic()
    child = os.fork()
    if child == 0:
        try:
            sys.argv[1:1] = ["backfill", "--json"]
            main()
        except SystemExit as error:
            os._exit(error.code or 0)
        except BaseException:
            traceback.print_exc()
        os._exit(1)
    timer = threading.Timer(float(line.strip() or 120), os.kill, (child, signal.SIGKILL))
    timer.start()
    _, status = os.waitpid(child, 0)
    timer.cancel()
    print("ended", os.waitstatus_to_exitcode(status), time.monotonic() - started, flush=True)
"""


@contextmanager
def runner(home: Path, *arguments: str) -> Iterator[Callable[[float | None], tuple[int, float]]]:
    """Runs backfills, each in a process of its own, that are killed after so many seconds: exit code, and seconds."""
    environment = {**os.environ, "BINANCE_ASSETS_HOME": str(home), "DAGSTER_HOME": str(home / "dagster")}
    command = [sys.executable, "-c", RUNNER, *arguments]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdin
        assert process.stdout
        out = process.stdout

        def run(kill_after: float | None) -> tuple[int, float]:
            assert process.stdin
            process.stdin.write(f"{'' if kill_after is None else kill_after}\n")
            process.stdin.flush()
            for line in out:
                if line.startswith("ended "):
                    _, code, seconds = line.split()
                    return int(code), float(seconds)
            raise AssertionError("the runner has ended")

        yield run
        process.stdin.close()


def test_killed_at_any_moment_it_goes_on_and_ends_in_the_same_bytes(
    backfilled: ArchiveStore, small_exchange: Sandbox, tmp_path: Path
) -> None:
    small_exchange.spoil(Defect("not_uploaded", period="2026-02"))
    arguments = ["--symbols", "BTCUSDT,XRPUSDC", "--from", "2026-02-26", "--to", "2026-03-02"]
    chance = random.Random(20260305)
    with runner(tmp_path / "undisturbed", *arguments) as undisturbed:
        whole = store_at(tmp_path / "undisturbed" / "sandbox")
        code, seconds = undisturbed(None)
        assert code == 0
    with runner(backfilled.store.path.parent, *arguments) as run:
        kills = 0
        while kills < KILLS:
            complete = names_of(backfilled.landing.path.glob("archive/*/*/*.zip.json"))
            with asked(small_exchange) as zips:
                code, took = run(chance.uniform(0, seconds))
            assert code in {0, -9}, "a run after a kill failed"
            assert not complete & set(zips), "what was complete was downloaded again"
            kills += code == -9
            seconds = took if code == 0 else seconds
        assert run(None)[0] == 0
    assert backfilled.partitions() == whole.partitions()
    assert {name.split("/")[1] for name in whole.partitions()} == {"month=2026-02", "month=2026-03"}
    assert names_of(whole.landing.path.glob("archive/*/*/*.zip")) == names_of(
        backfilled.landing.path.glob("archive/*/*/*.zip")
    )


def names_of(files: Iterable[Path]) -> set[str]:
    """The zips by their names in the archive."""
    return {f"{path.name.partition('.')[0]}.zip" for path in files}


def test_ctrl_c_ends_with_130_and_says_that_it_goes_on(backfilled: ArchiveStore, small_exchange: Sandbox) -> None:
    small_exchange.fail(Fault("slow", endpoint="archive/file", amount=0.3))
    command = [sys.executable, "-m", "binance_assets", "backfill", "--symbols", "BTCUSDT"]
    command += ["--from", "2026-03-01", "--to", "2026-03-04"]
    before = len(small_exchange.requests)
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as process:
        ends = time.monotonic() + 60
        while not any(it.endpoint == "archive/file" for it in small_exchange.requests[before:]):
            assert time.monotonic() < ends
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 130, errors
    assert "goes on from there" in words(errors)
