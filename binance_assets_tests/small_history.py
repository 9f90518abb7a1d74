"""What the tests of a backfill share: a store that knows the small sandbox's pairs, and what that one is asked for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from binance_assets.clients.binance import EPOCH
from binance_assets.sandbox import Sandbox
from binance_assets_tests.klines import ArchiveStore
from binance_assets_tests.pipeline import described
from binance_assets_tests.small_market import small_market

NOW = datetime.fromisoformat("2026-03-05T12:00:00")


def store_at(path: Path) -> ArchiveStore:
    """A store that knows the pairs of the small market."""
    store = ArchiveStore(path, "sandbox")
    store.describe(*(described(it.symbol, it.base.code, it.quote.code) for it in small_market().pairs))
    return store


def at(sandbox: Sandbox, instant: datetime) -> None:
    """Sets the sandbox's clock."""
    sandbox.clock = lambda: (instant - EPOCH) // timedelta(milliseconds=1)


@contextmanager
def asked(sandbox: Sandbox) -> Iterator[list[str]]:
    """The zips that the sandbox is asked for in the block."""
    start = len(sandbox.requests)
    found: list[str] = []
    yield found
    found += [it.query.rpartition("/")[2] for it in sandbox.requests[start:] if it.endpoint == "archive/file"]


def words(text: str) -> str:
    """Output without its line breaks, frames and bars."""
    return " ".join(re.sub(r"[│╭╮╰╯─━╺╸]", " ", text).split())
