"""A market of two hours and a bit for the dashboard's tests: several quotes, sectors and statuses, gaps, odd names."""

from __future__ import annotations

import math
from datetime import datetime
from pathlib import Path

from binance_assets.dashboard.page import write_page
from binance_assets.export.publish import publish
from binance_assets.landing import Capture
from binance_assets_tests.klines import ArchiveStore, Candle
from binance_assets_tests.pipeline import HOUR, MINUTE, NOON, SECOND, Pipeline, described, prices_body

ODD_SYMBOL = "<img src=x onerror=alert(1)>"
ODD_STATUS = "</script><b>HALT</b>"
MISSED = range(40, 45)
"""Minutes after noon in which nobody samples."""
SILENT = range(70, 74)
"""Minutes after noon in which ETHBTC alone is missing."""
MINUTES = 130

_PRICES = {
    ("BTC", "USDT"): 65000.0,
    ("ETH", "USDT"): 3400.0,
    ("ETH", "BTC"): 0.0523,
    ("UNI", "USDT"): 7.25,
    ("AAVE", "USDT"): 110.0,
    ("DOGE", "USDT"): 0.125,
    ("PEPE", "USDT"): 0.0000071,
    ("USDC", "USDT"): 1.0002,
    ("FDUSD", "USDT"): 0.985,
    ("WBTC", "BTC"): 0.9991,
    ("EUR", "USDT"): 1.08,
    ("USDT", "TRY"): 32.5,
    ("BTC", "EUR"): 60185.0,
    ("XRP", "TRY"): 19.5,
    ("UNI", "BTC"): 0.0001115,
    ("LUNA", "USDT"): 0.6,
    ("FTT", "USDT"): 1.5,
}
_HALTED = {("XRP", "TRY"): "BREAK", ("LUNA", "USDT"): "BREAK", ("FTT", "USDT"): "HALT"}


def sampled(path: Path, *, minutes: int = MINUTES) -> Pipeline:
    """A simulated store with an export and a page; with nothing but metadata if it has no minutes."""
    pipeline = Pipeline(path, "sandbox")
    pairs = [described(b + q, b, q, _HALTED.get((b, q), "TRADING")) for b, q in _PRICES]
    pipeline.land_info(pairs, NOON)
    for minute in range(minutes):
        if minute in MISSED:
            continue
        pipeline.landing.land_minute([_capture(NOON + minute * MINUTE + second * SECOND) for second in (0, 30)])
    pipeline.update()
    # What the exchange could call something some day; loading refuses such names today.
    with pipeline.warehouse.transaction() as connection:
        connection.rows("update mart.dim_pair set symbol = $odd where symbol = 'LUNAUSDT'", odd=ODD_SYMBOL)
        connection.rows("update mart.dim_pair set status = $odd where symbol = 'FTTUSDT'", odd=ODD_STATUS)
    publish(pipeline.store)
    write_page(pipeline.store)
    return pipeline


def backfilled(path: Path) -> ArchiveStore:
    """A store with an export and a page of one pair's candles of a day, in which nothing was ever sampled."""
    store = ArchiveStore(path)
    store.land_info([described("BTCUSDT", "BTC", "USDT")], NOON)
    midnight = NOON - 36 * HOUR
    store.land_candles("BTCUSDT", f"{midnight:%Y-%m-%d}", [Candle(midnight + n * MINUTE, n) for n in range(1440)])
    store.load()
    store.update()
    store.load_archive()
    store.update()
    publish(store.store)
    write_page(store.store)
    return store


def _capture(at: datetime) -> Capture:
    minutes = (at - NOON) / MINUTE
    prices = {
        base + quote: f"{price * (1 + 0.004 * math.sin(number + minutes / 17)):.8f}"
        for number, ((base, quote), price) in enumerate(_PRICES.items())
        if not (int(minutes) in SILENT and base + quote == "ETHBTC")
    }
    body = prices_body(prices)
    return Capture("ticker/price", "sandbox", at, body, requested_at=at, exchange_at=at, sampling_interval_seconds=30)
