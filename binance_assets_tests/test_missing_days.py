"""What no file of the archive brings comes from the API: days without a file, and the time of refused files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from binance_assets.archive.history import bring
from binance_assets.archive.load import load_archive
from binance_assets.archive.missing_days import ask_for_days, days_by_origin, unasked_days
from binance_assets.archive.onlooker import Onlooker
from binance_assets.clients import BinanceClient, WeightBudget
from binance_assets.clients.archive import ArchiveClient
from binance_assets.clients.binance import EPOCH
from binance_assets.landing.archive import Outcome, Span
from binance_assets.landing.klines import Brought, CandleSpan
from binance_assets.repair import explain_gaps
from binance_assets.sandbox import Sandbox
from binance_assets.sandbox.archive_defects import Defect
from binance_assets_tests.klines import ArchiveStore, candles
from binance_assets_tests.pipeline import MINUTE
from binance_assets_tests.small_history import NOW, store_at
from binance_assets_tests.small_market import small_market

DAY = timedelta(days=1)

Bring = Callable[..., tuple[Outcome, Brought]]


@pytest.fixture
def store(tmp_path: Path) -> ArchiveStore:
    return store_at(tmp_path / "sandbox")


@pytest.fixture
def bring_days(store: ArchiveStore, small_exchange: Sandbox, tmp_path: Path) -> Iterator[Bring]:
    """Brings days of a pair, first files and then from the API, and loads them."""
    budget = WeightBudget(tmp_path / "weights")
    with (
        ArchiveClient(small_exchange.url, simulated=True) as archive,
        BinanceClient((small_exchange.url,), budget=budget, simulated=True) as client,
    ):

        def bring_and_load(symbol: str, first: str, last: str) -> tuple[Outcome, Brought]:
            days = date.fromisoformat(first), date.fromisoformat(last)
            outcome = bring(store.store, archive, [symbol], *days, Onlooker())
            brought = ask_for_days(store.store, client, unasked_days(store.store, outcome.missing), Onlooker())
            store.load()
            load_archive(store.warehouse, store.landing)
            return outcome, brought

        yield bring_and_load


def days_without_file(store: ArchiveStore, outcome: Outcome) -> list[tuple[str, str, int]]:
    """First day, last day, candles from the API."""
    with store.warehouse.connect() as connection:
        days = days_by_origin(connection, outcome.missing)
    return [(f"{day['first']}", f"{day['last']}", day["candles"]) for day in days]


def test_one_answer_without_candles_ends_years_for_ever(store: ArchiveStore, bring_days: Bring) -> None:
    halted = next(pair for pair in small_market().pairs if pair.halted_at)
    halted_on = (EPOCH + timedelta(seconds=halted.halted_at or 0)).date()
    outcome, brought = bring_days(halted.symbol, f"{halted_on - DAY}", "2026-03-02")
    [span] = outcome.missing
    assert span.last - span.first > 1000 * DAY
    assert (brought.answers, brought.candles) == (1, 0)
    assert days_without_file(store, outcome) == [(f"{span.first}", "2026-03-02", 0)]
    assert bring_days(halted.symbol, f"{halted_on - DAY}", "2026-03-02")[1].answers == 0
    assert bring_days(halted.symbol, f"{halted_on - DAY}", "2026-03-03")[1].answers == 1, "of one more day"


def test_an_outage_of_days_is_passed_over_within_an_answer(
    store: ArchiveStore, bring_days: Bring, small_exchange: Sandbox
) -> None:
    outage = [datetime.fromisoformat(it) for it in ("2026-02-11T00:10", "2026-02-13T20:00")]
    small_exchange.spoil(
        Defect("outage", start=outage[0], end=outage[1]),
        Defect("not_uploaded", period="2026-02"),
        *(Defect("not_uploaded", period=f"2026-02-{day}") for day in (11, 12, 13, 14)),
    )
    outcome, brought = bring_days("BTCUSDT", "2026-02-10", "2026-02-15")
    assert days_without_file(store, outcome) == [
        ("2026-02-11", "2026-02-11", 10),
        ("2026-02-12", "2026-02-12", 0),
        ("2026-02-13", "2026-02-14", 240 + 1440),
    ]
    assert brought.answers == 2
    minutes = [row[0] for row in store.stored("BTCUSDT")]
    assert len(minutes) == len(set(minutes)) == 6 * 1440 - (outage[1] - outage[0]) // MINUTE


def test_the_first_file_of_a_pair_may_be_the_missing_one(
    store: ArchiveStore, bring_days: Bring, small_exchange: Sandbox
) -> None:
    small_exchange.spoil(
        Defect("not_uploaded", period="2026-02"),
        Defect("not_uploaded", period="2026-02-10"),
        Defect("flipped_byte", period="2026-02-11"),
    )
    outcome, brought = bring_days("BTCUSDT", "2026-02-10", "2026-02-12")
    assert (len(outcome.landed), brought.candles) == (1, 2 * 1440)
    assert days_without_file(store, outcome) == [("2026-02-10", "2026-02-11", 2 * 1440)]
    assert len(store.stored("BTCUSDT")) == 3 * 1440


def test_only_what_was_not_answered_is_asked(store: ArchiveStore, bring_days: Bring, small_exchange: Sandbox) -> None:
    small_exchange.spoil(
        Defect("not_uploaded", period="2026-02"),
        *(Defect("not_uploaded", period=f"2026-02-{day}") for day in (10, 11, 12)),
    )
    bring_days("BTCUSDT", "2026-02-11", "2026-02-11")
    since = datetime.fromisoformat("2026-02-10")
    assert unasked_days(store.store, [Span("BTCUSDT", date(2026, 2, 10), date(2026, 2, 12))]) == [
        CandleSpan("BTCUSDT", since, since + DAY - MINUTE),
        CandleSpan("BTCUSDT", since + 2 * DAY, since + 3 * DAY - MINUTE),
    ]
    assert bring_days("BTCUSDT", "2026-02-10", "2026-02-12")[1].candles == 2 * 1440
    assert unasked_days(store.store, [Span("BTCUSDT", date(2026, 2, 10), date(2026, 2, 12))]) == []


def test_the_time_of_a_refused_file_is_a_gap_until_there_are_candles_of_it(store: ArchiveStore) -> None:
    march = datetime.fromisoformat("2024-03-01")
    store.land_zip("BTCUSDT", "2024-03", b"no zip")
    store.load_archive()
    assert store.states() == {"BTCUSDT-1m-2024-03": "refused"}
    with store.warehouse.connect() as connection:
        waiting = explain_gaps(connection, None, NOW)
    assert (waiting.of_archive[0].first, waiting.of_archive[-1].last) == (march, march + 31 * DAY - MINUTE)
    assert store.rows("select cause, from_utc, to_utc from mart.gap") == [("archive_defect", march, march + 31 * DAY)]
    store.land_candles("BTCUSDT", "2024-03-04", candles(march + 3 * DAY))
    store.add_rest(candles(march + DAY, 10))
    store.load_archive()
    with store.warehouse.connect() as connection:
        explain_gaps(connection, None, NOW)
    assert store.rows("select from_utc, to_utc, evidence from mart.gap order by from_utc") == [
        (since, until, "the archive has no candle of BTCUSDT: the file is refused; not_a_zip in the monthly file")
        for since, until in (
            (march, march + DAY),
            (march + DAY + 10 * MINUTE, march + 3 * DAY),
            (march + 4 * DAY, march + 31 * DAY),
        )
    ]
