"""Input of the benchmarks: what the sandbox exchange would answer, at instants of the past. The same in every run."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd

from binance_assets.core import models as core
from binance_assets.landing import Capture, Landing
from binance_assets.raw.load import load
from binance_assets.sandbox.exchange import Exchange
from binance_assets.sandbox.market import DEFAULT_SEED, Market
from binance_assets.sql import sql
from binance_assets.warehouse import Connection

START = datetime(2025, 6, 2)  # noqa: DTZ001 - naive UTC, as all instants of the project
INTERVAL = timedelta(seconds=10)
SNAPSHOTS_A_MINUTE = 6
_CHUNK = 360
"""Snapshots that are made and stored at once."""

_INSERT_PRICES = """
    insert into open.price_history by name
    select pair_id, observed_at, $source as source, (units::decimal(18, 0) * 0.00000001)::decimal(18, 8) as price
    from made_price
    order by observed_at, pair_id
"""
_INSERT_CAPTURES = """
    insert into open.capture by name
    select
        uuid()::varchar as capture_id,
        'ticker/price' as endpoint,
        $source as source,
        observed_at as received_at,
        $interval as sampling_interval_seconds,
        $pairs as row_count,
        '' as sha256,
        strftime(observed_at, '%Y-%m-%d/%H%M%S.%f_') as file
    from made_instant
"""
_OPEN_MINUTES = """
    insert into meta.open_minute by name
    select distinct date_trunc('minute', observed_at) as minute_utc, $source as source from made_instant
"""


def exchange_info(at: datetime) -> bytes:
    """The body of an exchangeInfo response."""
    return _body("exchangeInfo", at)


def prices(at: datetime) -> bytes:
    """The body of a ticker/price response with the whole market."""
    return _body("ticker/price", at)


def describe(connection: Connection, landing: Landing, source: str) -> None:
    """Land the sandbox's metadata, and load the pairs, currencies and dimensions of it."""
    landing.land(Capture("exchangeInfo", source, START, exchange_info(START)))
    load(connection, landing)
    core.load_currencies(connection)
    core.load_pairs(connection)
    core.load_pair_history(connection)
    for dimension in ("dim_currency", "dim_pair", "dim_date", "dim_time"):
        connection.rows(f"insert into mart.{dimension} by name {sql(f'mart/{dimension}.sql')}")


def observe(
    connection: Connection, source: str, start: datetime, snapshots: int, interval: timedelta = INTERVAL
) -> None:
    """Put snapshots of the whole market straight into the open tables, each a little after its grid point."""
    market = Market.of(DEFAULT_SEED)
    ids = dict(connection.rows("select symbol, pair_id from core.pair"))
    pair_ids = np.array([ids[pair.symbol] for pair in market.pairs], dtype=np.int32)
    late = np.random.default_rng(DEFAULT_SEED).integers(50_000, 900_000, snapshots)
    grid = [start + interval * number for number in range(snapshots)]
    received = [at + timedelta(microseconds=int(microseconds)) for at, microseconds in zip(grid, late, strict=True)]
    with connection.transaction():
        for first in range(0, snapshots, _CHUNK):
            chunk = slice(first, first + _CHUNK)
            units = np.concatenate([market.prices(_second(at)) for at in grid[chunk]])
            observed_at = np.repeat(np.array(received[chunk], dtype="datetime64[us]"), len(pair_ids))
            pairs = np.tile(pair_ids, len(grid[chunk]))
            frame = pd.DataFrame({"pair_id": pairs, "observed_at": observed_at, "units": units})
            connection.duck.register("made_price", frame)
            connection.rows(_INSERT_PRICES, source=source)
        connection.duck.register("made_instant", pd.DataFrame({"observed_at": received}))
        connection.rows(_INSERT_CAPTURES, source=source, pairs=len(pair_ids), interval=interval // timedelta(seconds=1))
        connection.rows(_OPEN_MINUTES, source=source)


def _body(endpoint: str, at: datetime) -> bytes:
    answer = Exchange(Market.of(DEFAULT_SEED), weight_limit=6000).answer(endpoint, [], _second(at) * 1000)
    return json.dumps(answer, separators=(",", ":"), ensure_ascii=False).encode()


def _second(at: datetime) -> int:
    return int(at.replace(tzinfo=UTC).timestamp())
