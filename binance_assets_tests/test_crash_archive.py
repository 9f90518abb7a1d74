"""Loads of the archive that are killed at any moment: each month is what it was, or what it becomes."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from binance_assets_tests.klines import DAY, ArchiveStore, candles
from binance_assets_tests.pipeline import ROOT, described

KILLS = 12
PAIRS = ("BTCUSDT", "ETHUSDT", "ETHBTC")
MONTHS = ("2024-01", "2024-02", "2024-03")

RUNNER = """
# For each line of input, "seconds" or "": a load in a process of its own, killed after so many seconds.
# Answers with the exit code (-9 if it was killed) and how long it took.
import os, signal, sys, time, threading
from pathlib import Path
from binance_assets.archive.load import load_archive
from binance_assets.home import Store

store = Store(Path(sys.argv[1]), "live")
for line in sys.stdin:
    started = time.monotonic()
    child = os.fork()
    if child == 0:
        load_archive(store.warehouse, store.landing)
        os._exit(0)
    timer = threading.Timer(float(line.strip() or 120), os.kill, (child, signal.SIGKILL))
    timer.start()
    _, status = os.waitpid(child, 0)
    timer.cancel()
    print(os.waitstatus_to_exitcode(status), time.monotonic() - started, flush=True)
"""


@contextmanager
def runner(store: ArchiveStore) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", RUNNER, str(store.store.path)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process
        assert process.stdin
        process.stdin.close()


def run(process: subprocess.Popen[str], kill_after: float | None = None) -> tuple[int, float]:
    """Exit code (-9 if it was killed), and seconds."""
    assert process.stdin
    assert process.stdout
    process.stdin.write(f"{'' if kill_after is None else kill_after}\n")
    process.stdin.flush()
    code, seconds = process.stdout.readline().split()
    return int(code), float(seconds)


def land(store: ArchiveStore, days: range, retrieved_at: str) -> None:
    """Daily files of every pair and month, one of them with a hole and one that is cut."""
    for month in MONTHS:
        for pair, symbol in enumerate(PAIRS):
            for day in days:
                rows = candles(datetime.fromisoformat(month + "-01") + day * DAY, 60 + 30 * pair, pair)
                del rows[day * 10 : day * 10 + pair]
                store.land_candles(symbol, f"{month}-{day + 1:02}", rows, retrieved_at=retrieved_at)


def of_months(store: ArchiveStore) -> dict[str, list[tuple[object, ...]]]:
    """What is read of each month."""
    rows = store.rows("from raw.kline order by all")
    return {month: [row for row in rows if row[0] == month] for month in MONTHS}


def described_store(path: Path) -> ArchiveStore:
    store = ArchiveStore(path)
    store.describe(*(described(symbol, symbol[:3], symbol[3:]) for symbol in PAIRS))
    return store


def test_a_killed_load_leaves_each_month_old_or_new_and_is_taken_up_again(tmp_path: Path) -> None:
    chance = random.Random(20240301)
    undisturbed, killed = described_store(tmp_path / "undisturbed"), described_store(tmp_path / "killed")
    before: dict[str, list[tuple[object, ...]]] = {month: [] for month in MONTHS}
    with runner(killed) as process:
        kills, days, span = 0, range(2), 1.5
        while kills < KILLS:
            for store in (undisturbed, killed):
                land(store, days, f"2026-02-{days.stop:02}")
            undisturbed.load_archive()
            after, done = of_months(undisturbed), False
            while not done and kills < KILLS:
                code, seconds = run(process, kill_after=chance.uniform(0, span))
                assert code in {0, -9}, "a load after a kill failed"
                seen = of_months(killed)
                for month in MONTHS:
                    assert seen[month] in (before[month], after[month]), f"{month} is neither old nor new"
                known = killed.rows(
                    "select distinct file_key from raw.kline anti join raw.archive_file using (file_key)"
                )
                assert known == []
                done = code == 0
                kills += not done
                span = seconds if done else span
            before, days = after, range(days.stop, days.stop + 1)
        assert run(process)[0] == 0, "the last load, which nobody killed, failed"
    assert killed.partitions() == undisturbed.partitions()
    assert killed.defects() == undisturbed.defects()
