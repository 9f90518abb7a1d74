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
from binance_assets.warehouse import Warehouse

START = datetime(2025, 6, 2)  # noqa: DTZ001 - naive UTC, as all instants of the project
INTERVAL = timedelta(seconds=10)
SNAPSHOTS_A_MINUTE = 6

_INSERT_PRICES = """
    insert into core.price_history by name
    select pair_id, observed_at, 'sandbox' as source, (units::decimal(18, 0) * 0.00000001)::decimal(18, 8) as price
    from price
    order by observed_at, pair_id
"""
_INSERT_CAPTURES = """
    insert into raw.capture by name
    select
        uuid()::varchar as capture_id,
        'ticker/price' as endpoint,
        'sandbox' as source,
        observed_at as received_at,
        10 as sampling_interval_seconds,
        $pairs as row_count,
        '' as sha256,
        strftime(observed_at, '%Y-%m-%d/%H%M%S.%f_') as file
    from snapshot
"""
_OPEN_MINUTES = """
    insert into meta.open_minute by name
    select distinct date_trunc('minute', observed_at) as minute_utc, 'sandbox' as source from snapshot
"""


def exchange_info(at: datetime) -> bytes:
    """The body of an exchangeInfo response."""
    return _body("exchangeInfo", at)


def prices(at: datetime) -> bytes:
    """The body of a ticker/price response with the whole market."""
    return _body("ticker/price", at)


def describe(warehouse: Warehouse, landing: Landing) -> None:
    """Land the sandbox's metadata, and load the pairs and currencies of it."""
    landing.land(Capture("exchangeInfo", warehouse.source, START, exchange_info(START)))
    load(warehouse, landing)
    core.load_currencies(warehouse)
    core.load_pairs(warehouse)
    core.load_pair_history(warehouse)


def observe(warehouse: Warehouse, start: datetime, snapshots: int) -> None:
    """Put snapshots of the whole market straight into core.price_history, each a little after its grid point."""
    market = Market.of(DEFAULT_SEED)
    late = np.random.default_rng(DEFAULT_SEED).integers(50_000, 900_000, snapshots)
    grid = [start + INTERVAL * number for number in range(snapshots)]
    received = [at + timedelta(microseconds=int(microseconds)) for at, microseconds in zip(grid, late, strict=True)]
    with warehouse.transaction() as connection:
        ids = dict(connection.rows("select symbol, pair_id from core.pair"))
        pair_ids = [ids[pair.symbol] for pair in market.pairs]
        for at, received_at in zip(grid, received, strict=True):
            frame = pd.DataFrame({"pair_id": pair_ids, "units": market.prices(_second(at))})
            connection.duck.register("price", frame.assign(observed_at=received_at))
            connection.duck.execute(_INSERT_PRICES)
        connection.duck.register("snapshot", pd.DataFrame({"observed_at": received}))
        connection.rows(_INSERT_CAPTURES, pairs=len(pair_ids))
        connection.rows(_OPEN_MINUTES)


def _body(endpoint: str, at: datetime) -> bytes:
    answer = Exchange(Market.of(DEFAULT_SEED), weight_limit=6000).answer(endpoint, [], _second(at) * 1000)
    return json.dumps(answer, separators=(",", ":"), ensure_ascii=False).encode()


def _second(at: datetime) -> int:
    return int(at.replace(tzinfo=UTC).timestamp())
