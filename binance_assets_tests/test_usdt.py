"""Prices in USDT and the ways that they go, against plain Python over the bodies of the landed responses."""

from __future__ import annotations

import json
import math
import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb
import pytest
import requests

from binance_assets import lake
from binance_assets.core import models as core
from binance_assets.landing import Capture
from binance_assets.mart import models
from binance_assets.sandbox import Sandbox
from binance_assets_tests.pipeline import (
    HOUR,
    MINUTE,
    NOON,
    SECOND,
    Pipeline,
    as_body,
    described,
    milliseconds,
    prices_body,
)

DAY = timedelta(days=1)
START = datetime(2025, 6, 2, 12)  # noqa: DTZ001 - the sandbox's listing is complete by then

Way = tuple[Fraction, str]


class Landed:
    """What the landed responses say, by themselves."""

    def __init__(self, pipeline: Pipeline) -> None:
        captures = duckdb.execute(
            "select endpoint, received_at, source, body from read_parquet($files) order by received_at",
            {"files": str(pipeline.landing.path / "*" / "*.parquet")},
        ).fetchall()
        self.metadata: list[tuple[datetime, dict[str, str]]] = []
        self.prices: list[tuple[datetime, str, dict[str, Fraction]]] = []
        self.currencies: dict[str, tuple[str, str]] = {}
        for endpoint, received_at, source, body in captures:
            answer = json.loads(body)
            if endpoint == "exchangeInfo":
                self.metadata.append((received_at, {it["symbol"]: it["status"] for it in answer["symbols"]}))
                for it in answer["symbols"]:
                    self.currencies[it["symbol"]] = it["baseAsset"], it["quoteAsset"]
            else:
                self.prices.append((received_at, source, {row["symbol"]: Fraction(row["price"]) for row in answer}))
        self.symbols = {currencies: symbol for symbol, currencies in self.currencies.items()}

    @cached_property
    def first_status(self) -> dict[str, str]:
        first: dict[str, str] = {}
        for _, statuses in self.metadata:
            first = statuses | first
        return first

    def trading(self, at: datetime) -> set[str]:
        """The pairs that traded at an instant; before a pair is first described, as its first description says."""
        known = [statuses for received_at, statuses in self.metadata if received_at <= at]
        described_before = {symbol for statuses in known for symbol in statuses}
        now = known[-1] if known else {}
        later = {symbol: status for symbol, status in self.first_status.items() if symbol not in described_before}
        return {symbol for symbol, status in (now | later).items() if status == "TRADING"}

    def way(self, quote: str, prices: Mapping[str, Fraction]) -> Way | None:
        """The most preferred way from a currency to USDT over these prices, which are of trading pairs."""
        if quote == "USDT":
            return Fraction(1), "USDT"
        return next(
            (
                (rate * further, f"{path} x {onward}" if onward else path)
                for target in ("USDT", "BTC")
                for rate, path in self._steps(quote, target, prices)
                for further, onward in (
                    [(Fraction(1), "")] if target == "USDT" else list(self._steps("BTC", "USDT", prices))
                )
            ),
            None,
        )

    def _steps(self, code: str, target: str, prices: Mapping[str, Fraction]) -> Iterator[Way]:
        direct, inverted = self.symbols.get((code, target)), self.symbols.get((target, code))
        if direct in prices:
            yield prices[direct], direct
        if inverted in prices:
            yield 1 / prices[inverted], f"1/{inverted}"

    def is_connected(self, quote: str, symbols: Iterable[str]) -> bool:
        """Whether some of the pairs lead from a currency to USDT, at most over BTC: by trying all."""
        neighbours = defaultdict(set)
        for symbol in symbols:
            base, other = self.currencies[symbol]
            neighbours[base].add(other)
            neighbours[other].add(base)
        reached = {quote} | neighbours[quote] | (neighbours["BTC"] if "BTC" in neighbours[quote] else set())
        return "USDT" in reached

    def in_usdt(self, prices: Mapping[str, Fraction], at: datetime) -> dict[str, Way | None]:
        """Each price in USDT by the others, with its way."""
        usable = {symbol: prices[symbol] for symbol in prices.keys() & self.trading(at)}
        ways = {quote: self.way(quote, usable) for quote in {self.currencies[symbol][1] for symbol in prices}}
        for quote, way in ways.items():
            assert (way is not None) == (quote == "USDT" or self.is_connected(quote, usable))
        found: dict[str, Way | None] = {}
        for symbol, price in prices.items():
            way = ways[self.currencies[symbol][1]]
            found[symbol] = way and (price * way[0], way[1])
        return found

    @cached_property
    def minutes(self) -> dict[tuple[str, str, datetime], tuple[int, Way | None]]:
        """The observations in each minute of each pair, and their mean in USDT."""
        observed: dict[tuple[str, datetime], dict[str, list[Fraction]]] = defaultdict(lambda: defaultdict(list))
        for received_at, source, prices in self.prices:
            minute = received_at.replace(second=0, microsecond=0)
            for symbol, price in prices.items():
                observed[source, minute][symbol].append(price)
        rows = {}
        for (source, minute), by_symbol in observed.items():
            means = {symbol: sum(prices) / len(prices) for symbol, prices in by_symbol.items()}
            for symbol, way in self.in_usdt(means, minute).items():
                rows[symbol, source, minute] = len(by_symbol[symbol]), way
        return rows


def roll_up(
    rows: Mapping[tuple[str, str, datetime], tuple[int, Way | None]], span: timedelta
) -> dict[tuple[str, str, datetime], tuple[int, Way | None]]:
    """Means in USDT over longer spans, with their one way, or several."""
    parts = defaultdict(list)
    for (symbol, source, start), row in rows.items():
        parts[symbol, source, start - (start - START.replace(hour=0)) % span].append(row)
    rolled: dict[tuple[str, str, datetime], tuple[int, Way | None]] = {}
    for key, group in parts.items():
        known = [(count, way) for count, way in group if way]
        paths = {path for _, (_, path) in known}
        mean = sum(count * usdt for count, (usdt, _) in known) / sum(count for count, _ in known) if known else None
        count = sum(count for count, _ in group)
        rolled[key] = count, None if mean is None else (mean, paths.pop() if len(paths) == 1 else "several")
    return rolled


def assert_agree(found: Iterable[tuple[Any, ...]], expected: Mapping[Any, tuple[int, Way | None]]) -> None:
    """Of rows with the key's columns, price_usdt and usdt_path."""
    seen = set()
    for *columns, price_usdt, usdt_path in found:
        key = tuple(columns)
        seen.add(key)
        _, way = expected[key]
        if way is None:
            assert (price_usdt, usdt_path) == (None, None), key
        else:
            assert usdt_path == way[1], key
            assert math.isclose(price_usdt, way[0], rel_tol=1e-12), key
    assert seen == expected.keys()


def in_usdt(pipeline: Pipeline, table: str, start: str, where: str = "true") -> list[tuple[Any, ...]]:
    return pipeline.rows(
        f"select symbol, source, {start}::timestamp, price_usdt, usdt_path from mart.{table} "
        f"inner join mart.dim_pair using (pair_key) where {where}"
    )


def assert_all_agree(pipeline: Pipeline) -> Landed:
    landed = Landed(pipeline)
    hours = roll_up(landed.minutes, HOUR)
    assert_agree(in_usdt(pipeline, "fact_price_minute", "minute_utc", "not is_gap"), landed.minutes)
    assert_agree(in_usdt(pipeline, "fact_price_hour", "hour_utc", "observed_minutes > 0"), hours)
    assert_agree(in_usdt(pipeline, "fact_price_day", "date_utc", "observed_minutes > 0"), roll_up(hours, DAY))
    gaps = pipeline.rows("select distinct price_usdt, usdt_path from mart.fact_price_minute where is_gap")
    assert gaps in ([], [(None, None)])
    observations = {
        (symbol, source, at): (1, way)
        for at, source, prices in landed.prices
        for symbol, way in landed.in_usdt(prices, at).items()
    }
    found = in_usdt(pipeline, "fact_price", "observed_at")
    assert_agree(found, observations)
    newest = {}
    for symbol, source, at, *way in sorted(found, key=lambda row: row[:3]):
        newest[symbol] = max(newest.get(symbol, (at, source, way)), (at, source, way), key=lambda it: it[:2])
    latest = in_usdt(pipeline, "fact_price_latest", "observed_at")
    assert {symbol: (at, source, way) for symbol, source, at, *way in latest} == newest
    return landed


# The whole market of the sandbox


def with_statuses(body: bytes, statuses: Mapping[str, str | None], at: datetime) -> bytes:
    """Metadata in which some symbols have another status, or are not listed."""
    answer = json.loads(body)
    symbols = [it | {"status": statuses.get(it["symbol"], it["status"])} for it in answer["symbols"]]
    return as_body(answer | {"serverTime": milliseconds(at), "symbols": [it for it in symbols if it["status"]]})


def test_an_hour_of_the_sandbox_agrees_for_every_pair_and_minute(tmp_path: Path) -> None:
    """With legs that are halted, vanish, and are listed again, and answers that are cut."""
    pipeline = Pipeline(tmp_path / "sandbox", "sandbox")
    now = [START]
    changes: dict[int, dict[str, str | None]] = {
        0: {},
        15: {"EURUSDT": "BREAK", "USDTTRY": None, "BNBUSDT": "HALT"},
        35: {"EURUSDT": None, "BTCUSDT": "BREAK"},
        45: {"ETHUSDT": None},
        52: {"ETHUSDT": None, "ETHBTC": "BREAK"},
    }
    with Sandbox(clock=lambda: milliseconds(now[0])) as sandbox, requests.Session() as session:

        def ask(endpoint: str) -> bytes:
            return session.get(f"{sandbox.url}/api/v3/{endpoint}", timeout=30).content

        metadata = ask("exchangeInfo")
        samples = []
        for minute in range(60):
            at = START + minute * MINUTE
            if minute in changes:
                body = with_statuses(metadata, changes[minute], at + SECOND)
                pipeline.landing.land(Capture("exchangeInfo", "sandbox", at + SECOND, body))
            for second in (5, 35) if minute % 10 == 0 else (5,):
                now[0] = at + second * SECOND
                rows = json.loads(ask("ticker/price"))
                if minute % 7 == 6:  # whatever comes after some pair is missing
                    rows = rows[: len(rows) * minute // 60]
                samples.append(Capture("ticker/price", "sandbox", now[0], as_body(rows), sampling_interval_seconds=30))
        pipeline.landing.land_minute(samples)
    pipeline.update()

    landed = Landed(pipeline)
    assert len(landed.minutes) > 180_000
    assert_agree(in_usdt(pipeline, "fact_price_minute", "minute_utc", "not is_gap"), landed.minutes)
    assert_agree(
        in_usdt(pipeline, "fact_price_hour", "hour_utc", "observed_minutes > 0"), roll_up(landed.minutes, HOUR)
    )
    paths = {way[1] for _, way in landed.minutes.values() if way}
    assert {"USDT", "EURUSDT", "1/BTCEUR x BTCUSDT", "1/USDTTRY", "1/BTCTRY x BTCUSDT", "ETHBTC x BTCUSDT"} <= paths


# Small markets in which everything changes


LEGS = {
    "BTCUSDT": ("BTC", "USDT"),
    "EURUSDT": ("EUR", "USDT"),
    "EURBTC": ("EUR", "BTC"),
    "USDTTRY": ("USDT", "TRY"),
    "BTCTRY": ("BTC", "TRY"),
    "DAIUSDT": ("DAI", "USDT"),
    "USDTDAI": ("USDT", "DAI"),
    "BTCDAI": ("BTC", "DAI"),
    "BARBTC": ("BAR", "BTC"),
    "ETHBTC": ("ETH", "BTC"),
    "ETHUSDT": ("ETH", "USDT"),
}
PRICED = {f"ABC{quote}": ("ABC", quote) for quote in ("USDT", "BTC", "EUR", "TRY", "DAI", "BAR", "ETH", "XYZ")}
FILLERS = {f"F{number}USDT": (f"F{number}", "USDT") for number in range(60)}
"""So many that a response without some others is still one of the whole market."""

Answer = tuple[datetime, list[dict[str, Any]] | dict[str, str]]
"""Metadata, or prices by symbol, and when they came."""


def some_history(seed: int) -> tuple[list[Answer], list[Answer]]:
    """Metadata every few minutes, in which pairs are halted, vanish and return; and prices, many of them missing."""
    dice = random.Random(seed)
    metadata: list[Answer] = []
    for number in range(20):
        at = NOON + number * 4 * MINUTE + dice.randrange(200_000) * SECOND / 1000
        statuses = {
            symbol: dice.choice(["TRADING"] * 6 + ["BREAK", "HALT", None]) if symbol in LEGS else "TRADING"
            for symbol in LEGS | PRICED | FILLERS
            if number > 3 or symbol != "ETHUSDT"
        }
        listed = LEGS | PRICED | FILLERS
        metadata.append(
            (at, [described(symbol, *listed[symbol], status) for symbol, status in statuses.items() if status])
        )
    prices: list[Answer] = [
        (
            NOON + number * 20 * SECOND + dice.randrange(19_000) * SECOND / 1000,
            {
                symbol: f"{Decimal(dice.randrange(1, 10**9)).scaleb(-dice.randrange(9)):f}"
                for symbol in LEGS | PRICED
                if dice.random() < 0.8
            },
        )
        for number in range(3 * 80)
    ]
    return metadata, prices


def land(pipeline: Pipeline, answers: Iterable[Answer]) -> None:
    prices = []
    for at, answer in answers:
        if isinstance(answer, list):
            pipeline.land_info(answer, at)
        else:
            prices.append(
                Capture("ticker/price", pipeline.source, at, prices_body(answer), sampling_interval_seconds=20)
            )
    pipeline.landing.land_minute(prices)


FOLLOWING = ("fact_price_minute", "fact_price_hour", "fact_price_day", "fact_price", "fact_price_latest")


@pytest.mark.parametrize("seed", [1, 2])
def test_any_order_of_arrival_ends_in_what_the_responses_say(tmp_path: Path, seed: int) -> None:
    metadata, prices = some_history(seed)
    at_once, in_any_order = Pipeline(tmp_path / "at_once"), Pipeline(tmp_path / "in_any_order")
    land(at_once, [*metadata, *prices])
    at_once.update()
    landed = assert_all_agree(at_once)
    paths = {way[1] if way else None for _, way in landed.minutes.values()}
    assert paths == {
        None,
        *("USDT", "BTCUSDT", "EURUSDT", "EURBTC x BTCUSDT", "1/USDTTRY", "1/BTCTRY x BTCUSDT"),
        *("DAIUSDT", "1/USDTDAI", "1/BTCDAI x BTCUSDT", "BARBTC x BTCUSDT", "ETHUSDT", "ETHBTC x BTCUSDT"),
    }

    land(in_any_order, [metadata[0], *prices[:150]])
    in_any_order.update()
    late = [*metadata[1:], *prices[150:]]
    random.Random(seed).shuffle(late)
    for first in range(0, len(late), 40):
        land(in_any_order, late[first : first + 40])
        in_any_order.update()
    for table in (*FOLLOWING, "fact_parity_hour"):
        columns = "symbol, rows.* exclude (pair_key)"
        query = f"select {columns} from mart.{table} as rows inner join mart.dim_pair using (pair_key) order by all"
        assert in_any_order.rows(query) == at_once.rows(query), table


def test_late_metadata_makes_a_sealed_day_anew(tmp_path: Path) -> None:
    pipeline = Pipeline(tmp_path / "live")
    pairs = [described(symbol, *currencies) for symbol, currencies in (LEGS | PRICED).items()]
    halted = [pair | {"status": "HALT"} if pair["symbol"] == "EURUSDT" else pair for pair in pairs]
    pipeline.land_info(pairs, NOON)
    for minute in (*range(1, 9), 3 * 24 * 60):
        pipeline.land_prices({pair["symbol"]: "2" for pair in pairs}, NOON + minute * MINUTE)
    pipeline.update()
    with pipeline.warehouse.connect() as connection:
        day = lake.sealable_days(connection)[0]
    lake.seal(pipeline.warehouse, day)
    pipeline.land_info(halted, NOON + 3 * MINUTE + 30 * SECOND)
    pipeline.land_info(pairs, NOON + 6 * MINUTE)
    pipeline.update()
    assert_all_agree(pipeline)
    by_bitcoin = pipeline.rows(
        "select minute(minute_utc) from mart.fact_price_minute inner join mart.dim_pair using (pair_key) "
        "where symbol = 'ABCEUR' and usdt_path = 'EURBTC x BTCUSDT' order by all"
    )
    assert by_bitcoin == [(4,), (5,)]
    sealed = pipeline.rows('select distinct "table" from meta.sealed_partition where date = $day', day=day)
    assert {("fact_price_minute",), ("fact_price_hour",), ("price_history",)} <= set(sealed)
    assert pipeline.rows("from meta.taken_over_day") == []
    made = {table: pipeline.rows(f"from mart.{table} order by all") for table in FOLLOWING}
    pipeline.rebuild()
    assert {table: pipeline.rows(f"from mart.{table} order by all") for table in FOLLOWING} == made


def test_metadata_that_says_nothing_new_of_the_trading_opens_nothing(tmp_path: Path) -> None:
    pipeline = Pipeline(tmp_path / "live")
    pairs = [described(symbol, *currencies) for symbol, currencies in (LEGS | PRICED).items()]
    pipeline.land_info(pairs, NOON - HOUR)
    for minute in range(4):
        pipeline.land_prices({pair["symbol"]: "2" for pair in pairs}, NOON + minute * MINUTE)
    pipeline.update()
    finer = [{"filterType": "PRICE_FILTER", "tickSize": "0.00100000"}]
    new = [described("NEWUSDT", "NEW", "USDT"), described("ABCNEW", "ABC", "NEW")]
    pipeline.land_info([pair | {"filters": finer} for pair in pairs] + new, NOON + MINUTE)
    halted = [pair | {"status": "HALT"} if pair["symbol"] in {"BTCUSDT", "ABCEUR"} else pair for pair in pairs]
    pipeline.land_info(halted + new, NOON + 2 * MINUTE)

    def opened() -> list[tuple[datetime]]:
        pipeline.load()
        with pipeline.warehouse.connect() as connection:
            for load in (core.load_currencies, core.load_pairs, core.load_pair_history, models.find_usdt_ways):
                load(connection)
            return connection.rows("select minute_utc from meta.open_minute order by minute_utc")

    assert opened() == [(NOON + 2 * MINUTE,), (NOON + 3 * MINUTE,)], "only since BTCUSDT was halted"
    pipeline.update()
    pipeline.land_info(halted + new, NOON + 3 * MINUTE)
    assert opened() == []


# Precision


def test_a_price_in_usdt_leads_back_to_within_a_tick(tmp_path: Path) -> None:
    """Prices from 1e-8 to 1e9 in currencies from 1e-8 to 1e6 USDT, quoted either way, of the digits that a double has.

    Those are fifteen; counted in its tick, a price of the exchange's has eleven at most.
    """
    dice = random.Random(4)

    def amount(low: int, high: int, digits: int) -> Decimal:
        value = Decimal(10 ** dice.uniform(low, high))
        return value.quantize(Decimal(1).scaleb(max(-8, value.adjusted() - digits + 1))).max(Decimal("1e-8"))

    pairs, prices, legs = {}, {}, {}
    for number in range(400):
        code = f"Q{number}"
        leg, currencies = (f"{code}USDT", (code, "USDT")) if number % 2 else (f"USDT{code}", ("USDT", code))
        pairs |= {leg: currencies, f"A{code}": ("A", code)}
        legs[f"A{code}"] = leg
        prices |= {leg: amount(-8, 6, 15), f"A{code}": amount(-8, 9, 15)}
    pipeline = Pipeline(tmp_path / "live")
    pipeline.land_info([described(symbol, *currencies) for symbol, currencies in pairs.items()])
    pipeline.land_prices({symbol: f"{price:f}" for symbol, price in prices.items()})
    pipeline.update()
    for table in ("fact_price", "fact_price_minute", "fact_price_hour", "fact_price_day", "fact_price_latest"):
        in_usdt = dict(
            pipeline.rows(f"select symbol, price_usdt from mart.{table} inner join mart.dim_pair using (pair_key)")
        )
        for symbol, leg in legs.items():
            rate = Fraction(prices[leg]) if leg.endswith("USDT") else 1 / Fraction(prices[leg])
            tick = Fraction(Decimal(1).scaleb(max(-8, prices[symbol].adjusted() - 14)))
            assert abs(Fraction(in_usdt[symbol]) / rate - Fraction(prices[symbol])) <= tick, (table, symbol)
