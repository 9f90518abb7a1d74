"""Backfills that are killed at any moment, or stopped: they go on, and end in the same bytes."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import pytest

from benchmarks.two_years import Scale, show_it
from binance_assets.sandbox import Fault, Sandbox
from binance_assets.sandbox.archive_defects import KINDS
from binance_assets_tests.klines import ArchiveStore
from binance_assets_tests.pipeline import ROOT
from binance_assets_tests.small_history import store_at, words
from binance_assets_tests.small_market import small_market


def test_every_defect_is_found_and_after_20_kills_the_bytes_are_the_same(
    small_exchange: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lasting = [it.symbol for it in small_market().pairs if it.listed_at < 1_700_000_000 and not it.halted_at]
    scale = Scale(
        symbols=lasting[:4], first=date(2024, 12, 28), last=date(2025, 1, 4), scope="daily", step="work", kills=20
    )
    result = show_it(scale, small_exchange, small_market(), tmp_path, lambda store: store_at(store.path))
    assert result.found.keys() == KINDS.keys()
    assert result.kills == 20
    assert result.downloads > len(scale.symbols) * len(scale.periods) / 2
    assert result.twice == [], "what was complete was downloaded again"
    assert result.differing == []


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
