"""Candles from the exchange's API, the gaps that the archive's files have, and what runs by itself."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from binance_assets.archive import rest
from binance_assets.archive.rest import load_rest_candles
from binance_assets.clients import BinanceClient, WeightBudget
from binance_assets.clients.archive import ArchiveClient
from binance_assets.clients.budget import SPARE_SHARE, HeldBack
from binance_assets.core import models as core
from binance_assets.home import Home
from binance_assets.landing import Capture
from binance_assets.landing.archive import download
from binance_assets.landing.assets import kline
from binance_assets.landing.klines import CandleSpan, bring_candles
from binance_assets.mart.models import update_gaps
from binance_assets.raw.rebuild import rebuild
from binance_assets.repair import explain_gaps
from binance_assets.repair.job import repair_gaps_sensor
from binance_assets.resources import HomeResource
from binance_assets.sandbox import Sandbox
from binance_assets_tests.klines import ArchiveStore, Candle, candles, rows_of
from binance_assets_tests.pipeline import HOUR, MINUTE, NOON, Pipeline, as_body, described
from binance_assets_tests.simulated import SimulatedClock
from binance_assets_tests.small_market import SmallSandbox
from binance_assets_tests.test_klines import needs_recordings, recorded

DAY = timedelta(days=1)
MIDNIGHT = NOON - 12 * HOUR
LATER = NOON + 30 * DAY

BTC, ETH = (described(f"{base}USDT", base, "USDT") for base in ("BTC", "ETH"))

Row = tuple[Any, ...]


class CandleStore(ArchiveStore):
    """A store with the steps that load candles and look for gaps in them."""

    def land_answer(
        self, rows: Iterable[object], first: datetime, last: datetime, *, at: datetime = LATER, symbol: str = "BTCUSDT"
    ) -> None:
        """Land an answer of klines; candles are written as the exchange does."""
        written = [as_written(row) if isinstance(row, Candle) else row for row in rows]
        endpoint = f"klines/{symbol}/{first:%Y%m%dT%H%M}/{last:%Y%m%dT%H%M}"
        self.landing.land(Capture(endpoint, self.source, at, as_body(written), exchange_at=at))

    def load_candles(self) -> None:
        self.load()
        self.load_archive()

    def explain(self) -> list[Row]:
        """The ledger, by all that is loaded."""
        with self.warehouse.connect() as connection:
            update_gaps(connection)
            explain_gaps(connection, ("BTCUSDT",), LATER)
        return self.rows(
            "select symbol, from_utc, to_utc, cause, evidence, gap.source from mart.gap "
            "left join core.pair on pair.pair_id = gap.pair_key order by from_utc"
        )


def as_written(candle: Candle) -> list[object]:
    fields: list[object] = list(candle.line(unit=timedelta(milliseconds=1)).split(","))
    for number in (0, 6, 8):
        fields[number] = int(str(fields[number]))
    return fields


@pytest.fixture
def store(tmp_path: Path) -> CandleStore:
    store = CandleStore(tmp_path / "live")
    store.describe(BTC, ETH)
    return store


def test_the_api_has_the_candles_of_the_archive_digit_for_digit(tmp_path: Path) -> None:
    now = datetime.fromisoformat("2026-09-16T12:00:30")
    clock = SimulatedClock(now)
    stores = [ArchiveStore(tmp_path / name, "sandbox") for name in ("files", "answers")]
    day = datetime.fromisoformat("2026-09-14T00:00:00")
    with (
        SmallSandbox(clock=clock.exchange_ms) as sandbox,
        BinanceClient((sandbox.url,), budget=WeightBudget(tmp_path / "w"), simulated=True) as client,
        ArchiveClient(sandbox.url, simulated=True) as archive,
    ):
        for store in stores:
            store.describe(BTC)
        download(stores[0].landing, archive, ["BTCUSDT"], day.date(), day.date(), scopes=("daily",))
        brought = bring_candles(client, stores[1].landing, "sandbox", [CandleSpan("BTCUSDT", day, day + DAY - MINUTE)])
    assert (brought.answers, brought.candles) == (2, 1440)
    stores[1].load()
    for store in stores:
        store.load_archive()
    assert stores[0].stored("BTCUSDT") == stores[1].stored("BTCUSDT") != []
    assert stores[1].rows("select distinct source from raw.kline") == [("rest",)]


def test_a_minute_that_is_running_is_neither_stored_nor_refused_nor_answered(store: CandleStore) -> None:
    rows = candles(NOON, 5)
    store.land_answer(rows, NOON, NOON + 9 * MINUTE, at=NOON + 4 * MINUTE + MINUTE / 2)
    store.load_candles()
    assert store.stored("BTCUSDT") == rows_of(rows[:4])
    assert store.rows("from raw.quarantine") == []
    assert store.rows("select from_utc, to_utc from meta.kline_answer") == [(NOON, NOON + 4 * MINUTE)]


def test_bad_candles_are_refused_with_a_reason_and_the_rest_is_traced_to_its_answer(store: CandleStore) -> None:
    good = candles(NOON, 14)
    wrong = {at: as_written(good[at]) for at in range(14)}
    wrong[1][2] = "99.00000000"
    wrong[2][1:5] = ["-1.00000000"] * 4
    wrong[3][0] += 1000  # type: ignore[operator]
    wrong[4] = wrong[4][:11]
    wrong[5][5] = "1e3"
    wrong[6][4] = "102.123456789"
    wrong[7][8] = 0
    answer: list[object] = [wrong[number] for number in range(10)]
    answer += [good[9], good[10], good[11], Candle(good[11].at, 40), {"open": 1}, None, Candle(NOON - DAY)]
    store.land_answer(answer, NOON, NOON + 13 * MINUTE)
    store.load_candles()
    assert store.stored("BTCUSDT") == rows_of([good[0], good[8], good[9], good[10]])
    refused = store.rows("select position, reason from raw.quarantine order by position")
    assert dict(refused) == {
        2: "its low is above, or its high below, its open or close",
        3: "one of its prices is not above zero, or an amount below it",
        4: "it does not begin and end with a minute",
        5: "it does not have the twelve fields of a candle",
        6: "one of its fields is no number",
        7: "one of its numbers has more than eight decimals, or more digits than fit",
        8: "it has volume and no trades, or trades and no volume",
        11: "its time stood in the response before; the first row was kept",
        13: "other rows of the response say something else of its time",
        14: "other rows of the response say something else of its time",
        15: "it does not have the twelve fields of a candle",
        16: "it does not have the twelve fields of a candle",
        17: "it is of a minute that was not asked for",
    }
    traced = store.rows("select distinct file from raw.rest_kline inner join raw.capture using (capture_id)")
    assert [file for (file,) in traced] == [file.name for file in store.landing.files_after(None)][1:]
    before = candle_tables(store)
    rebuild(store.warehouse, store.landing)
    with store.warehouse.connect() as connection:
        core.load_currencies(connection)
        core.load_pairs(connection)
        core.load_pair_history(connection)
    store.load_archive()
    assert candle_tables(store) == before


def candle_tables(store: CandleStore) -> dict[str, list[Row]]:
    tables = ("raw.rest_kline", "raw.quarantine", "meta.kline_answer", "raw.kline")
    return {table: store.rows(f"select * from {table} order by all") for table in tables}


def test_of_several_answers_the_last_counts_and_each_is_loaded_once(
    store: CandleStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rest, "BATCH_ROWS", 1)
    store.land_answer([Candle(NOON, 1)], NOON, NOON)
    store.land_answer([Candle(NOON, 2), Candle(NOON + MINUTE, 2)], NOON, NOON + MINUTE)
    store.load_candles()
    assert store.stored("BTCUSDT") == rows_of([Candle(NOON, 2), Candle(NOON + MINUTE, 2)])
    store.land_answer([Candle(NOON, 3)], NOON, NOON, at=LATER + MINUTE)
    store.load_candles()
    assert store.stored("BTCUSDT") == rows_of([Candle(NOON, 3), Candle(NOON + MINUTE, 2)])
    with store.warehouse.connect() as connection:
        assert load_rest_candles(connection, store.landing) == 0


@needs_recordings
def test_a_recorded_outage_is_one_gap_of_the_ledger(store: CandleStore) -> None:
    for day in ("2018-02-08", "2018-02-09"):
        store.land_text("BTCUSDT", day, recorded(f"klines/BTCUSDT-1m-{day}.csv"))
    store.load_archive()
    start, end = datetime.fromisoformat("2018-02-08T00:29:00"), datetime.fromisoformat("2018-02-09T10:00:00")
    said = "the archive has no candle of any of the 1 pairs whose files span the time"
    assert store.explain() == [(None, start, end, "exchange_outage", said, "archive")]
    assert (end - start) // MINUTE == 2011


def test_what_the_archive_lacks_of_a_pair_is_named_and_filled_from_the_api(store: CandleStore) -> None:
    """Minute 100 of BTCUSDT is damaged, 200 and 201 are missing; the API has 100 and 200."""
    whole = candles(MIDNIGHT)
    damaged = [it for it in whole if it not in (whole[200], whole[201])]
    lines: list[Candle | str] = list(damaged)
    lines[100] = damaged[100].line(high="1.00000000")
    store.land_candles("BTCUSDT", f"{MIDNIGHT:%Y-%m-%d}", lines)
    store.land_candles("ETHUSDT", f"{MIDNIGHT:%Y-%m-%d}", whole)
    store.load_archive()
    first, second = whole[100].at, whole[200].at
    lacks = "the archive has no candle of BTCUSDT, and has of others"
    assert store.explain() == [
        ("BTCUSDT", first, first + MINUTE, "archive_defect", f"{lacks}; high_below_low in the daily file", "archive"),
        ("BTCUSDT", second, second + 2 * MINUTE, "unresolved", lacks, "archive"),
    ]
    with store.warehouse.connect() as connection:
        waiting = explain_gaps(connection, (), LATER).of_archive
    assert waiting == [CandleSpan("BTCUSDT", first, first), CandleSpan("BTCUSDT", second, second + MINUTE)]
    store.land_answer([whole[100]], first, first)
    store.land_answer([whole[200]], second, second + MINUTE)
    store.load_candles()
    left = ("BTCUSDT", second + MINUTE, second + 2 * MINUTE, "unresolved", f"{lacks}; the API has none either")
    assert store.explain() == [(*left, "archive")]
    assert store.stored("BTCUSDT") == rows_of(whole[:201] + whole[202:])
    with store.warehouse.connect() as connection:
        assert explain_gaps(connection, (), LATER).all == []


def test_what_can_wait_leaves_half_of_the_weight_to_the_collector(tmp_path: Path) -> None:
    clock = SimulatedClock(NOON)
    collector = WeightBudget(tmp_path / "weights", clock=clock)
    spare = WeightBudget(tmp_path / "weights", clock=clock, share=SPARE_SHARE)
    spare.reserve("binance", 3000, patience=0)
    with pytest.raises(HeldBack):
        spare.reserve("binance", 2, patience=0)
    collector.reserve("binance", 1800, patience=0)


@pytest.fixture
def sandbox_home(home: Home, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("BINANCE_SOURCE", "sandbox")
    monkeypatch.setenv("BINANCE_API_URL", sandbox.url)
    return home


def test_the_last_hours_of_the_watch_list_are_brought_once(
    sandbox_home: Home, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BINANCE_WATCH_LIST", "BTCUSDT,NOSUCHPAIR")

    def bring() -> dict[str, Any]:
        with sandbox_home.dagster_instance() as instance:
            result = dg.materialize([kline], resources={"home": HomeResource()}, instance=instance, selection=[kline])
        [event] = result.get_asset_materialization_events()
        return {name: value.value for name, value in event.materialization.metadata.items()}

    told = bring()
    assert (told["candles"] // 10, told["refused"]) == (36, 1)
    store = CandleStore(sandbox_home.store("sandbox").path, "sandbox")
    store.describe(BTC)
    store.load_candles()
    assert len(store.stored("BTCUSDT")) >= 359
    assert bring()["candles"] <= 3, "only what came since"


def test_the_sensor_starts_a_repair_when_something_waits_and_not_again_for_the_same(home: Home) -> None:
    def tick(cursor: str | None) -> tuple[object, str | None]:
        with home.dagster_instance() as instance:
            context = dg.build_sensor_context(instance, cursor=cursor, resources={"home": HomeResource()})
            return repair_gaps_sensor(context), context.cursor

    assert isinstance(tick(None)[0], dg.SkipReason), "there is nothing yet"
    pipeline = Pipeline(home.store("live").path)
    pipeline.land_info([BTC])
    for at in (NOON, NOON + MINUTE):
        pipeline.land_prices({"BTCUSDT": "1.5"}, at)
    pipeline.update()
    found, cursor = tick(None)
    assert isinstance(found, dg.RunRequest)
    assert isinstance(tick(cursor)[0], dg.SkipReason), "there are no candles yet"
    assert cursor
    waited = f"{cursor.partition(' ')[0]} {datetime.fromisoformat(cursor.partition(' ')[2]) - HOUR}"
    assert isinstance(tick(waited)[0], dg.RunRequest)
