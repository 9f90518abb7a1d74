"""Gaps are repaired from candles or explained, minute by minute as the sandbox's market truly was."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from binance_assets.clients import BinanceClient, ExchangeError, WeightBudget
from binance_assets.clients.archive import ArchiveClient
from binance_assets.clients.binance import EPOCH
from binance_assets.core import models as core
from binance_assets.landing import Capture, MissedSample
from binance_assets.mart.models import update_gaps
from binance_assets.raw.rebuild import rebuild
from binance_assets.repair import Repaired, repair_gaps, what_waits
from binance_assets.sandbox import Sandbox
from binance_assets.sandbox.archive_defects import Defect
from binance_assets.sandbox.catalogue import UNITS
from binance_assets.sandbox.faults import Fault
from binance_assets_tests.pipeline import HOUR, MINUTE, ROOT, SECOND, Pipeline, info_body, prices_body
from binance_assets_tests.simulated import SimulatedClock
from binance_assets_tests.small_market import SmallSandbox, small_market

DAY = timedelta(days=1)
FIRST = datetime.fromisoformat("2026-09-07T00:00:00")
NOW = FIRST + 7 * DAY + 12 * HOUR

MARKET = small_market()
TRADING = [MARKET.pairs[place].symbol for place in MARKET.trading.tolist()]
THIN = "BIDOUSDC"
WATCHED = ("BTCUSDT", "XRPUSDC", THIN, "币安人生TRY")

DOWN = (FIRST + DAY + 10 * HOUR, FIRST + DAY + 12 * HOUR)
"""Nobody collects, over the end of a page of candles."""

ONE_SAMPLE = (FIRST + DAY + 13 * HOUR, FIRST + DAY + 13 * HOUR + MINUTE)
OVER_MIDNIGHT = (FIRST + 3 * DAY - HOUR, FIRST + 3 * DAY + 2 * HOUR)
REFUSED = (FIRST + 3 * DAY + 5 * HOUR, FIRST + 3 * DAY + 5 * HOUR + 10 * MINUTE)
"""The exchange gives errors, and stands still for a part of the time."""

OUTAGE = (FIRST + 4 * DAY + 20 * HOUR, FIRST + 4 * DAY + 20 * HOUR + 30 * MINUTE)
"""The exchange gives errors, and stands still for all of the time."""

PAIR_MISSING = (FIRST + 5 * DAY + 14 * HOUR, FIRST + 5 * DAY + 14 * HOUR + 20 * MINUTE)
THIS_MORNING = (FIRST + 7 * DAY + 8 * HOUR, FIRST + 7 * DAY + 8 * HOUR + 45 * MINUTE)
"""Nobody collects, on a day that the archive does not have yet."""

STANDSTILLS = ((REFUSED[0] + 2 * MINUTE, REFUSED[0] + 7 * MINUTE), OUTAGE)

Truth = dict[datetime, tuple[int, int]]
"""Of a pair's minutes: close in 1e-8, and number of trades."""


def truth(symbol: str, since: datetime, until: datetime) -> Truth:
    """What the sandbox's market did; without the minutes that lie in an outage."""
    place = MARKET.place_of[symbol]
    first, last = (int((it - EPOCH).total_seconds()) for it in (since, until))
    outages = [tuple(int((it - EPOCH).total_seconds()) for it in span) for span in STANDSTILLS]
    bounds = np.arange(first, last + 60, 60)
    candles = MARKET.candles(place, bounds, int((NOW - EPOCH).total_seconds()), outages)
    closes = (candles.close * MARKET.pairs[place].tick).tolist()
    minutes = zip(bounds[:-1].tolist(), closes, candles.trade_count.tolist(), strict=True)
    return {
        EPOCH + second * SECOND: (close, trades)
        for second, close, trades in minutes
        if not any(start <= second < end for start, end in outages)
    }


def silence(symbol: str, after: datetime, minutes: int) -> datetime:
    """The first of so many minutes without a trade."""
    known = truth(symbol, after, after + 6 * HOUR)
    return next(at for at in known if all(known[at + number * MINUTE][1] == 0 for number in range(minutes)))


SILENT_AT = silence(THIN, FIRST + 6 * DAY + HOUR, 3)
SILENT = (SILENT_AT, SILENT_AT + 3 * MINUTE)


def is_in(at: datetime, *spans: tuple[datetime, datetime]) -> bool:
    return any(start <= at < end for start, end in spans)


def samples() -> Iterator[list[Capture | MissedSample]]:
    """A week of the collector, on a grid of a minute, with holes."""
    bodies = {
        left_out: prices_body({symbol: "1.5" for symbol in TRADING if symbol != left_out})
        for left_out in (None, "BTCUSDT", THIN)
    }
    points = [FIRST + number * MINUTE for number in range((NOW - FIRST) // MINUTE)]
    for start in range(0, len(points), 720):
        landed: list[Capture | MissedSample] = []
        for at in points[start : start + 720]:
            if is_in(at, DOWN, ONE_SAMPLE, OVER_MIDNIGHT, THIS_MORNING):
                continue
            if is_in(at, REFUSED, OUTAGE):
                landed.append(MissedSample("ticker/price", "sandbox", at, 60, "ExchangeServerError", "HTTP 503"))
                continue
            left_out = "BTCUSDT" if is_in(at, PAIR_MISSING) else THIN if is_in(at, SILENT) else None
            landed.append(
                Capture(
                    "ticker/price",
                    "sandbox",
                    at + SECOND / 3,
                    bodies[left_out],
                    sampling_interval_seconds=60,
                    due_at=at,
                )
            )
        yield landed


class Repairable(Pipeline):
    """A store with gaps, and the exchange of which they are."""

    def __init__(self, path: Path, sandbox: Sandbox) -> None:
        super().__init__(path / "sandbox", "sandbox")
        self.sandbox = sandbox
        self.now = NOW

    def sampled(self) -> None:
        """Load what was landed, and find the gaps in it. The averages are not needed for that."""
        self.load()
        with self.warehouse.connect() as connection:
            core.load_currencies(connection)
            core.load_pairs(connection)
            core.load_pair_history(connection)
            core.load_prices(connection)
            update_gaps(connection)

    def repair(self, symbols: Sequence[str] | None = WATCHED, **options: Any) -> Repaired:
        budget = WeightBudget(self.store.path / "weights.sqlite")
        with (
            BinanceClient((self.sandbox.url,), budget=budget, simulated=True, attempts=1) as client,
            ArchiveClient(self.sandbox.url, simulated=True, attempts=1) as archive,
        ):
            return repair_gaps(self.store, client, archive, symbols, self.now, **options)

    def ledger(self) -> list[tuple[Any, ...]]:
        return self.rows(
            "select symbol, from_utc, to_utc, cause, repaired_from, split(evidence, '. ')[-1] from mart.gap "
            "left join core.pair on pair.pair_id = gap.pair_key order by from_utc, symbol"
        )

    def candles(self, symbol: str, since: datetime, until: datetime) -> Truth:
        rows = self.rows(
            "select open_at, close_price, trade_count from raw.kline inner join core.pair "
            "using (pair_id) where symbol = $symbol and open_at >= $since and open_at < $until",
            symbol=symbol,
            since=since,
            until=until,
        )
        return {at: (int(close * UNITS), trades) for at, close, trades in rows}

    def derived(self) -> dict[str, list[tuple[Any, ...]]]:
        """What follows from landing alone."""
        return {
            table: self.rows(f"from {table} order by all")
            for table in (
                "mart.gap",
                "meta.sampling_gap",
                "meta.gap_repair",
                "meta.kline_answer",
                "raw.rest_kline",
                "raw.quarantine",
            )
        } | {"raw.kline": self.rows("select * from raw.kline order by pair_id, open_at")}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SmallSandbox]:
    clock = SimulatedClock(NOW)
    with SmallSandbox(clock=clock.exchange_ms) as sandbox:
        sandbox.spoil(*(Defect(kind="outage", start=start, end=end) for start, end in STANDSTILLS))
        yield sandbox


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory, sandbox: SmallSandbox) -> Path:
    path = tmp_path_factory.mktemp("collected")
    store = Repairable(path, sandbox)
    with BinanceClient((sandbox.url,), budget=WeightBudget(path / "w"), simulated=True) as client:
        described = client.exchange_info().data["symbols"]
    body = info_body([{**it, "permissionSets": []} for it in described if it["symbol"] in TRADING], FIRST - HOUR)
    store.landing.land(Capture("exchangeInfo", "sandbox", FIRST - HOUR, body))
    for samples_together in samples():
        store.landing.land_minute(samples_together)
    store.sampled()
    return path


@pytest.fixture
def store(collected: Path, tmp_path: Path, sandbox: SmallSandbox) -> Iterator[Repairable]:
    shutil.copytree(collected / "sandbox", tmp_path / "sandbox")
    yield Repairable(tmp_path, sandbox)
    sandbox.clear_faults()


Span = tuple[datetime, datetime]


def requests_for_candles(sandbox: Sandbox) -> list[str]:
    return [it.query for it in sandbox.requests if it.endpoint.startswith(("klines", "archive"))]


@pytest.fixture(scope="module")
def repaired(collected: Path, tmp_path_factory: pytest.TempPathFactory, sandbox: SmallSandbox) -> Repairable:
    path = tmp_path_factory.mktemp("repaired")
    shutil.copytree(collected / "sandbox", path / "sandbox")
    store = Repairable(path, sandbox)
    assert store.repair() == Repaired(files=18, answers=12, candles=4 * 45, waiting=0)
    return store


def test_every_hole_of_a_week_is_repaired_or_explained(repaired: Repairable) -> None:
    store = repaired
    holes = {
        **dict.fromkeys((DOWN, ONE_SAMPLE, OVER_MIDNIGHT, REFUSED, OUTAGE, THIS_MORNING), WATCHED),
        PAIR_MISSING: ("BTCUSDT",),
        SILENT: (THIN,),
    }
    known = {
        (symbol, hole): (store.candles(symbol, *hole), truth(symbol, *hole))
        for hole, symbols in holes.items()
        for symbol in symbols
    }
    assert {key: found for key, (found, _) in known.items()} == {key: true for key, (_, true) in known.items()}
    assert [row[:5] for row in store.ledger()] == [
        (None, *DOWN, "collector_down", "archive"),
        (None, *ONE_SAMPLE, "collector_down", "archive"),
        (None, *OVER_MIDNIGHT, "collector_down", "archive"),
        (None, *REFUSED, "exchange_outage", "archive"),
        (None, *STANDSTILLS[0], "exchange_outage", None),
        (None, *OUTAGE, "exchange_outage", None),
        (None, *OUTAGE, "exchange_outage", None),
        ("BTCUSDT", *PAIR_MISSING, "unresolved", "archive"),
        (THIN, *SILENT, "no_trades", None),
        (None, *THIS_MORNING, "collector_down", "rest"),
    ]
    silent = sum(not trades for symbol in WATCHED for _, trades in truth(symbol, *REFUSED).values())
    assert store.rows("select evidence from mart.gap where from_utc = $at", at=REFUSED[0]) == [
        (
            "10 samples failed: 10 ExchangeServerError (HTTP 503). 4 of 4 pairs repaired, 7 not asked; of 5 of 10 "
            f"minutes no pair has a candle; in {silent} minutes of pairs nothing was traded",
        )
    ]
    assert store.records("mart/gap_counts.sql") == [{"lasting": 0, "unresolved": 0, "repaired": 6, "waiting": 0}]


def test_a_second_repair_asks_and_changes_nothing_and_a_rebuild_says_the_same(repaired: Repairable) -> None:
    store = repaired
    before, asked = store.derived(), len(requests_for_candles(store.sandbox))
    assert store.repair() == Repaired()
    assert len(requests_for_candles(store.sandbox)) == asked
    assert store.derived() == before
    rebuild(store.warehouse, store.landing)
    store.sampled()
    assert store.repair() == Repaired()
    assert store.derived() == before
    assert len(requests_for_candles(store.sandbox)) == asked


KILLED = """
# A repair in a process of its own, which is killed when one of its steps has come to its end for the first time.
import os, signal, sys
from datetime import datetime
from pathlib import Path

from binance_assets import repair
from binance_assets.clients import BinanceClient, WeightBudget
from binance_assets.clients.archive import ArchiveClient
from binance_assets.home import Store

path, url, now, symbols, dies_after = sys.argv[1:]
step = getattr(repair, dies_after)


def die(*arguments, **options):
    step(*arguments, **options)
    os.kill(os.getpid(), signal.SIGKILL)


setattr(repair, dies_after, die)
client = BinanceClient((url,), budget=WeightBudget(Path(path) / "weights.sqlite"), simulated=True, attempts=1)
archive = ArchiveClient(url, simulated=True, attempts=1)
store = Store(Path(path), "sandbox")
repair.repair_gaps(store, client, archive, symbols.split(","), datetime.fromisoformat(now))
"""


@pytest.mark.parametrize("dies_after", ["bring_candles", "download"])
def test_what_was_landed_before_a_kill_is_not_asked_for_again(store: Repairable, dies_after: str) -> None:
    if dies_after != "download":
        store.sandbox.fail(Fault("503", endpoint="archive/list"))
    before = len(requests_for_candles(store.sandbox))
    arguments = [str(store.store.path), store.sandbox.url, store.now.isoformat(), ",".join(WATCHED), dies_after]
    killed = subprocess.run([sys.executable, "-c", KILLED, *arguments], cwd=ROOT, capture_output=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert store.repair().waiting == 0
    asked = requests_for_candles(store.sandbox)[before:]
    files_and_answers = [it for it in asked if it.endswith(".zip") or it.startswith("symbol=")]
    assert len(files_and_answers) == len(set(files_and_answers)) == (18 + 12 if dies_after == "download" else 26)
    assert store.records("mart/gap_counts.sql") == [{"lasting": 0, "unresolved": 0, "repaired": 6, "waiting": 0}]
    assert store.repair() == Repaired()


def test_without_the_archive_the_api_has_it_and_no_run_asks_more_than_it_may(store: Repairable) -> None:
    store.sandbox.fail(Fault("503", endpoint="archive/list"))
    before = len(requests_for_candles(store.sandbox))
    assert [store.repair(most_answers=10).waiting for _ in range(3)] == [16, 6, 0]
    asked = [it for it in requests_for_candles(store.sandbox)[before:] if it.startswith("symbol=")]
    assert len(asked) == len(set(asked)) == 6 * len(WATCHED) + 2
    assert [row[3:5] for row in store.ledger()] == [
        ("collector_down", "rest"),
        ("collector_down", "rest"),
        ("collector_down", "rest"),
        ("exchange_outage", "rest"),
        ("exchange_outage", None),
        ("unresolved", "rest"),
        ("no_trades", None),
        ("collector_down", "rest"),
    ]
    assert store.candles(THIN, *REFUSED) == truth(THIN, *REFUSED)


def test_pairs_that_are_to_be_repaired_as_well_are_asked_of_gaps_that_were_repaired(store: Repairable) -> None:
    store.sandbox.fail(Fault("503", endpoint="archive/list"))
    assert store.repair(["BTCUSDT"]).answers == 6 + 2
    assert store.repair(None).answers == 6 * (len(TRADING) - 1)
    for symbol in TRADING:
        assert store.candles(symbol, *DOWN) == truth(symbol, *DOWN)
    [(said,)] = store.rows("select evidence from mart.gap where from_utc = $at", at=DOWN[0])
    assert "11 of 11 pairs repaired, 0 not asked" in said


def test_a_gap_waits_while_the_exchange_cannot_be_reached_and_while_it_is_young(store: Repairable) -> None:
    store.now = ONE_SAMPLE[1] + MINUTE
    with store.warehouse.connect() as connection:
        before = what_waits(connection, store.now)
        assert what_waits(connection, store.now + MINUTE) != before, "it is old enough then"
    store.sandbox.fail(Fault("503"))
    with pytest.raises(ExchangeError):
        store.repair()
    assert {row[4] for row in store.ledger()} == {None}
    store.sandbox.clear_faults()
    store.repair()
    assert [row[4] for row in store.ledger() if row[1] <= ONE_SAMPLE[0]] == ["rest", None]
