"""The dashboard's minute API over a hundred million minutes, asked over HTTP by a process of its own.

Two lakes: years of candles of fifty pairs, as `backfill` writes them, and weeks of the whole market as the collector
leaves them. Prices are made up; files, their order and the export are made by the project's own SQL.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from itertools import islice
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory

import duckdb
import psutil
import requests
from rich.console import Console
from rich.table import Table

from benchmarks.market import describe
from binance_assets.archive.load import show_months
from binance_assets.archive.months import SMALL_ROW_GROUP
from binance_assets.export.publish import publish
from binance_assets.export.selection import Scope
from binance_assets.home import Store
from binance_assets.lake import show_sealed_days
from binance_assets.sandbox.market import DEFAULT_SEED, Market
from binance_assets.sql import sql
from binance_assets.warehouse import Connection

SOURCE = "sandbox"
PAIRS = 50
FIRST, LAST = date(2022, 1, 1), date(2025, 10, 1)
"""The first and the last month of candles: a hundred million."""

SAMPLED_SINCE, SAMPLED_DAYS = date(2025, 5, 1), 5
REQUESTS, WARM_UP = 700, 20
RANGES = {
    "1 hour": timedelta(hours=1),
    "1 day": timedelta(days=1),
    "1 week": timedelta(days=7),
    "30 days": timedelta(days=30),
    "90 days": timedelta(days=90),
    "1 year": timedelta(days=365),
    "all": timedelta(days=10_000),
}

_RANDOM_WALK = """
    create or replace temp table walk as
    with step as (
        select pair_id, row_number() over (order by pair_id) as number, minute as open_at,
            hash(pair_id, minute) as dice
        from pair cross join range($since, $until, interval 1 minute) as made (minute)
    )
    select
        pair_id, open_at, dice,
        1 + dice % 40 as trades,
        pow(10, number % 6 - 2) * exp(
            0.0004 * sum((dice % 2001)::integer - 1000) over (partition by pair_id order by open_at) / 1000
        ) as level
    from step
"""
_MONTH = """
    create or replace temp table rated_candle as
    select
        pair_id, open_at, open_at::date as date,
        level::decimal(18, 6)::decimal(18, 8) as open_price,
        (level * (1 + dice % 17 / 2e4))::decimal(18, 6)::decimal(18, 8) as high_price,
        (level * (1 - dice % 19 / 2e4))::decimal(18, 6)::decimal(18, 8) as low_price,
        (level * (1 + (dice % 7 - 3.0) / 2e5))::decimal(18, 6)::decimal(18, 8) as close_price,
        (trades * (dice % 100003) / 1e4)::decimal(18, 5)::decimal(38, 8) as volume,
        (volume * open_price)::decimal(38, 8) as quote_volume,
        trades::integer as trade_count,
        (volume / 2)::decimal(38, 8) as taker_buy_volume,
        (quote_volume / 2)::decimal(38, 8) as taker_buy_quote_volume,
        'archive' as source, pair_id::bigint as file_key, 1::double as usdt_rate, 'USDT' as usdt_path
    from walk
    order by pair_id, open_at
"""
_DAY = """
    copy (
        select
            pair_id as pair_key, open_at as minute_utc, $source as source,
            level::decimal(18, 6)::decimal(18, 8) as close_price,
            if(dice % 10 < 3, (dice % 5) / 1e6, 0)::decimal(18, 8) as open_over_close,
            if(dice % 10 < 3, (dice % 7) / 1e6, 0)::decimal(18, 8) as high_over_close,
            if(dice % 10 < 3, (dice % 3) / 1e6, 0)::decimal(18, 8) as close_over_low,
            if(dice % 10 < 3, (dice % 11) / 1e6, 0)::decimal(28, 8) as sum_over_close,
            if(dice % 10 < 3, (dice % 11) / 1e8, 0)::double as time_weighted_over_average,
            6 as observation_count, 6 as expected_count, null::decimal(18, 8) as filled_price,
            open_at + interval 50 second as last_observed_at, 1::double as usdt_rate, null::integer as usdt_pair_key
        from walk
        order by pair_id, open_at
    ) to $path (format parquet, compression zstd, compression_level 6, write_bloom_filter false)
"""


_HOURS = """
    insert into open.fact_price_hour by name
    select
        pair_key, date_key, (hour(minute_utc) * 60)::integer as time_key, date_trunc('hour', minute_utc) as hour_utc,
        source,
        sum(average_price * observation_count)::decimal(28, 8) as price_sum,
        avg(average_price) as average_price, avg(time_weighted_price) as time_weighted_price,
        arg_min(open_price, minute_utc) as open_price, max(high_price) as high_price, min(low_price) as low_price,
        arg_max(close_price, minute_utc) as close_price,
        sum(observation_count) as observation_count, sum(expected_count) as expected_count, 1 as coverage,
        count(*) as observed_minutes, 0 as filled_minutes, 0 as missing_minutes
    from lake.sampled_minute
    where date = $day
    group by all
    order by hour_utc, pair_key
"""
_DAYS = """
    insert into mart.fact_price_day by name
    select
        pair_key, date_key, hour_utc::date as date_utc, source,
        sum(price_sum) as price_sum, sum(price_sum) / sum(observation_count) as average_price,
        arg_min(open_price, hour_utc) as open_price, max(high_price) as high_price, min(low_price) as low_price,
        arg_max(close_price, hour_utc) as close_price,
        sum(observation_count) as observation_count, sum(expected_count) as expected_count, 1 as coverage,
        1440 as observed_minutes, 0 as filled_minutes, 0 as missing_minutes
    from open.fact_price_hour
    group by pair_key, date_key, date_utc, source
    order by date_utc, pair_key
"""


def months() -> list[date]:
    """The months of candles."""
    return [date(year, month, 1) for year in range(FIRST.year, LAST.year + 1) for month in range(1, 13)
            if FIRST <= date(year, month, 1) <= LAST]  # fmt: skip


def make_candles(store: Store) -> int:
    """Fill a store with candles, register them and publish. Returns how many there are."""
    total = 0
    with store.warehouse.connect() as connection, duckdb.connect() as duck:
        describe(connection, store.landing, SOURCE)
        duck.execute("set enable_progress_bar = false")
        pairs = connection.rows("select pair_key, symbol from mart.dim_pair where quote_code = 'USDT' order by 1")
        pairs = pairs[:PAIRS]
        _know(duck, [key for key, _ in pairs])
        connection.run("archive/usdt_ways.sql")
        for month in months():
            name = f"{month:%Y-%m}"
            until = (month.replace(day=28) + timedelta(days=4)).replace(day=1)
            duck.execute(_RANDOM_WALK, {"since": _instant(month), "until": _instant(until)})
            duck.execute(_MONTH)
            files = {table: f"lake/{table}/month={name}/{name}.parquet" for table in ("kline", "kline_hour")}
            for file in files.values():
                (store.path / file).parent.mkdir(parents=True)
            path = str(store.path / files["kline"])
            duck.execute(sql("archive/partition.sql"), {"path": path, "row_group": SMALL_ROW_GROUP})
            scratch = Connection(duck)
            scratch.duck.execute(_table_of("hour"))
            scratch.run("archive/hours.sql", first_pair=0, last_pair=1_000_000)
            scratch.run("archive/hours_partition.sql", path=str(store.path / files["kline_hour"]))
            scratch.duck.execute("drop table hour")
            [(rows,)] = duck.execute("select count(*) from rated_candle").fetchall()
            connection.run(
                "archive/registered.sql", month=name, partition=files["kline"], hours=files["kline_hour"],
                row_count=rows,
            )  # fmt: skip
            show_months(connection)
            connection.run("archive/days.sql", month=name)
            total += rows
    publish(store, Scope(watch_list=tuple(symbol for _, symbol in pairs[:5])))
    return total


def make_sampled(store: Store) -> int:
    """Fill a store with sealed days of all pairs, roll them up and publish. Returns how many minutes there are."""
    total = 0
    with store.warehouse.connect() as connection, duckdb.connect() as duck:
        describe(connection, store.landing, SOURCE)
        duck.execute("set enable_progress_bar = false")
        keys = [key for (key,) in connection.rows("select pair_key from mart.dim_pair order by 1")]
        _know(duck, keys)
        for number in range(SAMPLED_DAYS):
            day = SAMPLED_SINCE + timedelta(days=number)
            path = store.path / "lake" / "fact_price_minute" / f"date={day}" / "data.parquet"
            path.parent.mkdir(parents=True)
            duck.execute(_RANDOM_WALK, {"since": _instant(day), "until": _instant(day + timedelta(days=1))})
            duck.execute(_DAY, {"source": SOURCE, "path": str(path)})
            rows = len(keys) * 1440
            connection.run("lake/sealed.sql", table="fact_price_minute", date=day, row_count=rows)
            total += rows
        show_sealed_days(connection)
        for number in range(SAMPLED_DAYS):
            connection.rows(_HOURS, day=SAMPLED_SINCE + timedelta(days=number))
        connection.rows(_DAYS)
    publish(store, Scope(watch_list=("BTCUSDT",)))
    return total


@contextmanager
def served(home: Path) -> Iterator[tuple[str, psutil.Process]]:
    """The dashboard of a home, by a process of its own; yields its address and the process."""
    command = [sys.executable, "-m", "binance_assets", "dashboard", "--port", "0", "--json", "--source", SOURCE]
    environment = os.environ | {"BINANCE_ASSETS_HOME": str(home)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield json.loads(process.stdout.readline())["url"], psutil.Process(process.pid)
        finally:
            process.terminate()


def ask(url: str, server: psutil.Process, requests_: int) -> dict[str, list[tuple[float, float]]]:
    """Milliseconds that answers took, and of the server's processor, by their range.

    Pairs, ranges and their ends are by chance, the same every time.
    """
    chance = random.Random(6)
    took: dict[str, list[tuple[float, float]]] = {name: [] for name in RANGES}
    with requests.Session() as session:
        symbols = {symbol: _covers(session, url, symbol) for symbol in _symbols(session, url)}
        for number in range(requests_ + WARM_UP):
            symbol, name = chance.choice(list(symbols)), chance.choice(list(RANGES))
            first, last = symbols[symbol]
            until = last - chance.random() * max(last - first - RANGES[name], timedelta(0))
            given = {"symbol": symbol, "from": (until - RANGES[name]).isoformat(), "to": until.isoformat()}
            busy, started = _busy(server), time.perf_counter()
            answer = session.get(f"{url}api/minutes", params=given, timeout=60)
            spent = (time.perf_counter() - started) * 1000
            answer.raise_for_status()
            assert any(answer.json()["average"])
            if number >= WARM_UP:
                took[name].append((spent, (_busy(server) - busy) * 1000))
    return took


def _busy(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def _symbols(session: requests.Session, url: str) -> list[str]:
    """The pairs that are asked for: those in USDT of which there are prices."""
    names = [pair.symbol for pair in Market.of(DEFAULT_SEED).pairs if pair.quote.code == "USDT"]
    known = (name for name in names if session.get(f"{url}api/minutes", params={"symbol": name, "points": 2}).ok)
    return list(islice(known, PAIRS))


def _covers(session: requests.Session, url: str, symbol: str) -> tuple[datetime, datetime]:
    covers = session.get(f"{url}api/minutes", params={"symbol": symbol, "points": 2}).json()["covers"]
    first, last = (datetime.fromisoformat(covers[name]).replace(tzinfo=None) for name in ("from", "to"))
    return first, last


def _print(title: str, took: dict[str, list[tuple[float, float]]]) -> None:
    table = Table(title=title, title_justify="left")
    for heading in ("range", "requests", "p50 ms", "p95 ms", "max ms", "server CPU ms"):
        table.add_column(heading, justify="left" if heading == "range" else "right")
    every = [one for its in took.values() for one in its]
    for name, its in [*took.items(), ("together", every)]:
        milliseconds = [spent for spent, _ in its]
        cuts = quantiles(milliseconds, n=100, method="inclusive")
        mean = sum(busy for _, busy in its) / len(its)
        figures = (cuts[49], cuts[94], max(milliseconds), mean)
        table.add_row(name, str(len(its)), *(f"{figure:.1f}" for figure in figures))
    Console().print(table)


def _know(duck: duckdb.DuckDBPyConnection, keys: list[int]) -> None:
    duck.execute("create table pair as select unnest($keys)::integer as pair_id", {"keys": keys})


def _table_of(name: str) -> str:
    [statement] = [it for it in sql("archive/scratch.sql").split(";") if f"create table {name} (" in it]
    return statement


def _instant(day: date) -> datetime:
    return datetime.combine(day, datetime.min.time())


def main() -> None:
    """Make the lakes, unless a folder has them already, and ask."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", type=Path, help="a folder for the lakes, which is used again if it has them")
    parser.add_argument("--requests", type=int, default=REQUESTS)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found: dict[str, dict[str, list[tuple[float, float]]]] = {}
    with TemporaryDirectory() as temporary:
        for name, make in {"candles": make_candles, "sampled": make_sampled}.items():
            home = (options.keep or Path(temporary)) / name
            if not home.exists():
                make(Store(home / SOURCE, SOURCE))
            with served(home) as (url, server):
                found[name] = ask(url, server, options.requests)
    if options.json:
        print(json.dumps(found))
        return
    _print("100 million candles of 50 pairs", found["candles"])
    _print(f"{SAMPLED_DAYS} sealed days of all pairs, sampled, not on the watch list", found["sampled"])


if __name__ == "__main__":
    main()
