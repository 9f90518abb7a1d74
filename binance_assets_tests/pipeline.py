"""What the pipeline's tests share: made-up responses, and a store in which they are landed and modelled.

The responses are written for the tests in the exchange's documented format.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from binance_assets.catalog import TABLES
from binance_assets.clock import Clock
from binance_assets.core import models as core
from binance_assets.home import Store
from binance_assets.landing import Capture, LandingFile, MissedSample
from binance_assets.mart import models as mart
from binance_assets.mart.quality import measure_quality
from binance_assets.raw.load import Loaded, load
from binance_assets.raw.rebuild import rebuild
from binance_assets.settings import Source
from binance_assets.sql import sql

ROOT = Path(__file__).parent.parent
"""The project's folder, from which a subprocess can import the tests."""

NOON = datetime(2024, 3, 1, 12)  # noqa: DTZ001
"""The instant around which the tests' made-up days happen; naive UTC."""

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)

DIMENSIONS = (
    "dim_currency",
    "dim_category",
    "bridge_currency_category",
    "dim_pair",
    "dim_pair_history",
    "dim_date",
    "dim_time",
)


def described(symbol: str, base: str, quote: str, /, status: str | None = "TRADING", **fields: Any) -> dict[str, Any]:
    """A symbol as exchangeInfo describes it; ``fields`` are added, or replace what stands there."""
    return {
        "symbol": symbol,
        "status": status,
        "baseAsset": base,
        "quoteAsset": quote,
        "isSpotTradingAllowed": True,
        "filters": [
            {"filterType": "PRICE_FILTER", "minPrice": "0.01000000", "tickSize": "0.01000000"},
            {"filterType": "LOT_SIZE", "minQty": "0.00100000", "stepSize": "0.00100000"},
            {"filterType": "NOTIONAL", "minNotional": "5.00000000"},
        ],
    } | fields


PAIRS = (
    described("BTCUSDT", "BTC", "USDT"),
    described("ETHBTC", "ETH", "BTC"),
    described("ETHUSDT", "ETH", "USDT"),
    described("USDTTRY", "USDT", "TRY"),
    described("XRPTRY", "XRP", "TRY", status="BREAK"),
)


def as_body(document: object) -> bytes:
    """JSON as the exchange writes it: compact, raw UTF-8."""
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()


def milliseconds(instant: datetime) -> int:
    """A naive UTC instant as the exchange gives it."""
    return int(instant.replace(tzinfo=UTC).timestamp() * 1000)


def info_body(symbols: Iterable[Any], at: datetime) -> bytes:
    """An exchangeInfo response."""
    return as_body({"timezone": "UTC", "serverTime": milliseconds(at), "symbols": list(symbols)})


def prices_body(prices: Mapping[str, str] | Sequence[Any]) -> bytes:
    """A ticker/price response, from prices by symbol, or from rows that may be anything."""
    rows = [{"symbol": s, "price": p} for s, p in prices.items()] if isinstance(prices, Mapping) else prices
    return as_body(rows)


def set_clock(monkeypatch: pytest.MonkeyPatch, now: datetime) -> None:
    """Let the host's clock, as landing reads it, stand at an instant."""

    monkeypatch.setattr(Clock, "now", lambda self: now)


class Pipeline:
    """A store with the steps that Dagster runs on it, as plain calls."""

    def __init__(self, path: Path, source: Source = "live") -> None:
        self.store = Store(path, source)
        self.source: str = source
        self.landing = self.store.landing
        self.warehouse = self.store.warehouse

    def land_info(self, symbols: Iterable[Any] = PAIRS, at: datetime = NOON) -> LandingFile:
        """Land an exchangeInfo response."""
        return self.landing.land(Capture("exchangeInfo", self.source, at, info_body(symbols, at)))

    def sampled(
        self,
        prices: Mapping[str, str] | Sequence[Any],
        at: datetime = NOON,
        *,
        interval: int | None = 10,
        source: str | None = None,
    ) -> Capture:
        """A ticker/price response, sampled on a grid of ``interval`` seconds."""
        return Capture(
            "ticker/price",
            source or self.source,
            at,
            prices_body(prices),
            requested_at=at,
            exchange_at=at,
            sampling_interval_seconds=interval,
        )

    def land_prices(
        self, prices: Mapping[str, str] | Sequence[Any], at: datetime = NOON, **sampling: Any
    ) -> LandingFile:
        """Land what was :meth:`sampled`."""
        return self.landing.land(self.sampled(prices, at, **sampling))

    def land_minutes(self, samples: Iterable[Capture]) -> None:
        """Land samples as the collector does: those of a minute in one file."""
        for _, minute in groupby(samples, lambda sample: sample.received_at.replace(second=0)):
            self.landing.land_minute(list(minute))

    def land_missed(
        self,
        *due_at: datetime,
        interval: int = 10,
        error: str = "ExchangeServerError",
        message: str = "HTTP 503",
    ) -> LandingFile:
        """Land grid points at which the exchange gave no usable answer."""
        return self.landing.land_minute(
            [MissedSample("ticker/price", self.source, at, interval, error, message) for at in due_at]
        )

    def land_table(self, path: Path, lines: Iterable[str]) -> LandingFile | None:
        """Land a CSV table of observations with these lines below its header."""
        path.write_text("\n".join(["Symbol,Price,Retrieval_Timestamp", *lines]) + "\n", encoding="utf-8")
        return self.landing.land_observations(path)

    def load(self) -> Loaded:
        """Load what was landed."""
        with self.warehouse.connect() as connection:
            return load(connection, self.landing)

    def update(self, carry_limit_seconds: int = 300) -> None:
        """Load what was landed, and bring every table up to date."""
        with self.warehouse.connect() as connection:
            load(connection, self.landing)
            core.load_currencies(connection)
            core.load_pairs(connection)
            core.load_pair_history(connection)
            core.load_prices(connection)
            core.match_currencies(connection)
            core.load_categories(connection)
            with connection.transaction():
                for dimension in DIMENSIONS:
                    connection.duck.execute(f"delete from mart.{dimension}")
                    connection.duck.execute(f"insert into mart.{dimension} by name {sql(f'mart/{dimension}.sql')}")
        mart.average_taken_over_days(self.warehouse, carry_limit_seconds)
        with self.warehouse.connect() as connection:
            mart.close_minutes(connection, carry_limit_seconds)
            mart.roll_up_hours(connection)
            mart.roll_up_days(connection)
            mart.update_gaps(connection)
            mart.load_latest_prices(connection)
            measure_quality(connection)

    def rebuild(self) -> None:
        """Throw the warehouse away and make it again."""
        rebuild(self.warehouse, self.landing)
        self.update()

    def rows(self, query: str, **parameters: object) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        with self.warehouse.connect() as connection:
            return connection.rows(query, **parameters)

    def records(self, query: str, **parameters: object) -> list[dict[str, Any]]:
        """The rows of a query as dictionaries."""
        with self.warehouse.connect() as connection:
            return connection.records(query, **parameters)

    def tables(self) -> dict[str, list[tuple[Any, ...]]]:
        """All rows of all tables that are derived from landing, in an order that does not depend on their storage.

        Not of meta.kline_month, which tells when each month was made.
        """
        with self.warehouse.connect() as connection:
            return {
                table.name: connection.rows(f"from {table.name} order by all")
                for table in TABLES
                if table.name
                not in {
                    "meta.warehouse",
                    "meta.progress",
                    "meta.sealed_partition",
                    "meta.kline_month",
                    "raw.ticker_price",
                }
            }
