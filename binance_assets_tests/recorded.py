"""Recordings of the real exchange and of CoinMarketCap's map, for tests that skip where they are missing."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from binance_assets.landing import Capture
from binance_assets_tests.pipeline import ROOT

RECORDINGS = Path(os.environ.get("BINANCE_RECORDINGS") or ROOT.parent / "shared" / "recordings")

needs_recordings = pytest.mark.skipif(
    not RECORDINGS.is_dir(), reason=f"there are no recordings in {RECORDINGS}; BINANCE_RECORDINGS says where they are"
)


def recorded_body(path: Path) -> bytes:
    """A recorded response as it was received."""
    content = path.read_bytes()
    return gzip.decompress(content) if path.suffix == ".gz" else content


def recorded_metadata(name: str, *, every: int = 1) -> Iterator[Capture]:
    """Recorded exchangeInfo responses, of one file or of a folder, at the time that they say."""
    path = RECORDINGS / name
    for file in sorted(path.iterdir())[::every] if path.is_dir() else [path]:
        body = recorded_body(file)
        at = datetime.fromtimestamp(json.loads(body)["serverTime"] / 1000, UTC).replace(tzinfo=None)
        yield Capture("exchangeInfo", "import", at, body)


def recorded_prices(name: str, at: datetime) -> Capture:
    """A recorded ticker/price response, as if it had come at some time."""
    return Capture("ticker/price", "import", at, recorded_body(RECORDINGS / name))


def coin_map() -> list[dict[str, Any]]:
    """The coins of the recorded map."""
    rows = duckdb.execute(
        "select id, name, symbol, slug, rank, is_active from read_parquet($files) order by id",
        {"files": str(RECORDINGS / "categories" / "coinmarketcap_map" / "*.parquet")},
    ).fetchall()
    names = ("id", "name", "symbol", "slug", "rank", "is_active")
    return [dict(zip(names, row, strict=True)) for row in rows]
