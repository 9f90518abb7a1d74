"""The exchange's own candles of hours and days are what its minutes roll up to, or are named."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from binance_assets.archive import assets as archive_assets
from binance_assets.checks import RULES
from binance_assets.clients import BinanceClient, WeightBudget
from binance_assets.clients.archive import ArchiveClient
from binance_assets.definitions import defs
from binance_assets.home import Home
from binance_assets.landing import assets as landing_assets
from binance_assets.landing.archive import download
from binance_assets.landing.klines import LENGTHS, CandleSpan, bring_candles, roll_up_spans
from binance_assets.mart.quality import measure_quality
from binance_assets.resources import HomeResource
from binance_assets.sandbox import Sandbox
from binance_assets.sandbox.archive_defects import Defect
from binance_assets.sandbox.exchange import Exchange
from binance_assets.sandbox.faults import Fault
from binance_assets.sandbox.market import DEFAULT_SEED, Market
from binance_assets_tests.klines import DAY, ArchiveStore, Candle, candles, rolled_up
from binance_assets_tests.pipeline import HOUR, MINUTE, SECOND, described, milliseconds, set_clock
from binance_assets_tests.small_history import NOW, at, store_at

TODAY = datetime.combine(NOW, datetime.min.time())
YESTERDAY = TODAY - DAY
SELDOM = "BIDOUSDC"
"""A pair of the small market that trades once in some minutes."""

SIDES = ("of_exchange", "of_minutes")


class Exchanged(ArchiveStore):
    """A store, and the exchange that it asks."""

    def __init__(self, path: Path, exchange: Sandbox) -> None:
        super().__init__(path, "sandbox")
        self.exchange = exchange

    @contextmanager
    def client(self) -> Iterator[BinanceClient]:
        budget = WeightBudget(self.store.path / "weights.sqlite")
        with BinanceClient((self.exchange.url,), budget=budget, simulated=True, attempts=1) as client:
            yield client

    def bring_days(self, symbols: Sequence[str], first: date, last: date) -> None:
        """Land the archive's daily files."""
        with ArchiveClient(self.exchange.url, simulated=True, attempts=1) as archive:
            download(self.landing, archive, symbols, first, last, scopes=("daily",))

    def bring(self, spans: Iterable[CandleSpan]) -> int:
        """Land candles from the API; returns how many answers came."""
        with self.client() as client:
            brought = bring_candles(client, self.landing, self.source, spans)
        assert not brought.refused
        return brought.answers

    def wanted(self, symbols: Sequence[str] | None = None, **options: int) -> list[CandleSpan]:
        with self.warehouse.connect() as connection:
            return roll_up_spans(connection, symbols, **options)

    def bring_up(self) -> None:
        """What a full run does, as plain calls: minutes first, then the hours and days to compare them with."""
        self.update()
        self.load_archive()
        while spans := self.wanted():
            self.bring(spans)
            self.load()
            self.load_archive()
        self.update()

    def bring_up_landed(self) -> None:
        """A full run that asks for nothing."""
        self.update()
        self.load_archive()
        self.update()

    def scorecard(self) -> dict[tuple[str, date], tuple[int, int, bool | None]]:
        rows = self.rows(
            "select symbol, date_utc, compared_hours, differing_hours, day_differs from mart.fact_quality_day "
            "inner join mart.dim_pair using (pair_key) where compared_hours > 0 or day_differs is not null"
        )
        return {(symbol, day): tuple(rest) for symbol, day, *rest in rows}  # type: ignore[misc]

    def named(self) -> list[dict[str, Any]]:
        """What the check names."""
        [rule] = [rule for rule in RULES if rule.name == "rolled_up"]
        with self.warehouse.connect() as connection:
            result = rule.evaluate(connection, self.source)
        rows = [] if result.passed else list(result.metadata["rows"].value)  # type: ignore[arg-type]
        assert result.passed == (not rows)
        return rows

    def named_times(self) -> list[tuple[str, str, str]]:
        return [(row["symbol"], row["candle"], row["begins_at"]) for row in self.named()]


@pytest.fixture
def store(tmp_path: Path, small_exchange: Sandbox) -> Exchanged:
    path = tmp_path / "sandbox"
    store_at(path)
    return Exchanged(path, small_exchange)


@pytest.fixture
def set_time(small_exchange: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    """Sets the clocks of the exchange and of the host, which are at NOW."""

    def to(instant: datetime) -> None:
        at(small_exchange, instant)
        set_clock(monkeypatch, instant)

    to(NOW)
    return to


# Against the simulated exchange


def test_hours_and_days_are_what_the_minutes_roll_up_to(store: Exchanged) -> None:
    """Of a pair that trades each second, and of one of which most minutes have no trade."""
    symbols = ["BTCUSDT", SELDOM]
    store.bring_days(symbols, (YESTERDAY - DAY).date(), YESTERDAY.date())
    store.bring_up()
    days = [(YESTERDAY - DAY).date(), YESTERDAY.date()]
    assert store.scorecard() == {(symbol, day): (24, 0, False) for symbol in symbols for day in days}
    assert store.named() == []
    assert store.rows("select count(*) from raw.long_kline") == [(2 * 2 * 25,)]
    opens = store.rows("select count(*) from raw.kline where trade_count = 0 and minute(open_at) = 0")
    assert opens[0][0] > 24, "hours that begin without a trade are among them"


def test_pairs_whose_amounts_are_cut_at_eight_decimals_roll_up_as_well() -> None:
    """The quote volume of a candle is that of its trades, each of which has eight decimals."""
    market = Market.of(DEFAULT_SEED)
    exchange = Exchange(market, 6000)

    def asked(symbol: str, interval: str, limit: int) -> list[Any]:
        query = {"symbol": symbol, "interval": interval, "startTime": str(milliseconds(YESTERDAY)), "limit": str(limit)}
        answer: list[Any] = exchange.answer("klines", query.items(), milliseconds(NOW))
        return answer

    for symbol in ("ETHBTC", "SNXBTC"):
        minutes, hours = asked(symbol, "1m", 960), asked(symbol, "1h", 16)
        for place in (5, 7, 8, 9, 10):
            of_hours = [sum(Decimal(it[place]) for it in minutes[at : at + 60]) for at in range(0, 960, 60)]
            assert [Decimal(it[place]) for it in hours] == of_hours, (symbol, place)


def test_a_second_time_nothing_is_asked_and_nothing_measured(store: Exchanged) -> None:
    store.bring_days(["BTCUSDT"], YESTERDAY.date(), YESTERDAY.date())
    store.update()
    store.load_archive()
    assert store.wanted() == [
        CandleSpan("BTCUSDT", YESTERDAY, YESTERDAY + 23 * HOUR, "1h"),
        CandleSpan("BTCUSDT", YESTERDAY, YESTERDAY, "1d"),
    ]
    store.bring_up()
    asked = len(store.exchange.requests)
    before = store.tables()
    store.bring_up()
    assert len(store.exchange.requests) == asked
    assert store.tables() == before
    with store.warehouse.connect() as connection:
        assert measure_quality(connection) == 0


@pytest.mark.parametrize("kind", ["revised", "missing_rows"])
def test_one_wrong_minute_is_named_by_its_hour_and_its_day(store: Exchanged, kind: str) -> None:
    """Minute 699, of 11:39, has one trade more in the archive than in the API; or is not there."""
    day = YESTERDAY.date()
    store.exchange.spoil(Defect(kind, symbol="BTCUSDT", period=f"{day}", row=700, rows=1))
    store.bring_days(["BTCUSDT", SELDOM], day, day)
    store.bring_up()
    assert store.scorecard() == {("BTCUSDT", day): (24, 1, True), (SELDOM, day): (24, 0, False)}
    hour, whole_day = store.named()
    assert (hour["symbol"], hour["candle"], hour["begins_at"]) == ("BTCUSDT", "hour", f"{YESTERDAY + 11 * HOUR}")
    assert (whole_day["symbol"], whole_day["candle"], whole_day["begins_at"]) == ("BTCUSDT", "day", f"{YESTERDAY}")
    for row in (hour, whole_day):
        of_exchange, of_minutes = (int(row[side].rpartition("'trades': ")[2][:-1]) for side in SIDES)
        assert of_minutes - of_exchange == (1 if kind == "revised" else -60), "it trades once a second"


def test_what_the_exchange_itself_does_not_have_differs_in_nothing(store: Exchanged) -> None:
    store.exchange.spoil(Defect("outage", start=YESTERDAY + 5 * HOUR, end=YESTERDAY + 7 * HOUR + 30 * MINUTE))
    store.bring_days(["BTCUSDT"], YESTERDAY.date(), YESTERDAY.date())
    store.bring_up()
    assert store.scorecard() == {("BTCUSDT", YESTERDAY.date()): (22, 0, False)}
    assert store.named() == []


def test_hours_are_asked_for_once_they_are_over_and_wholly_known(
    set_time: Callable[[datetime], None], store: Exchanged
) -> None:
    """Minutes from 20:34 of the day before up to now, 12:30."""
    set_time(NOW + 30 * MINUTE + SECOND)
    store.bring([CandleSpan("BTCUSDT", YESTERDAY + 20 * HOUR + 34 * MINUTE, NOW + 29 * MINUTE)])
    store.update()
    store.load_archive()
    assert store.wanted() == [CandleSpan("BTCUSDT", YESTERDAY + 21 * HOUR, TODAY + 11 * HOUR, "1h")]
    store.bring_up()
    assert store.scorecard() == {("BTCUSDT", YESTERDAY.date()): (3, 0, None)}, "today is not over"
    assert store.rows("select count(*), min(open_at), max(open_at) from raw.long_kline") == [
        (15, YESTERDAY + 21 * HOUR, TODAY + 11 * HOUR)
    ]
    set_time(NOW + 14 * HOUR)
    store.bring([CandleSpan("BTCUSDT", NOW + 30 * MINUTE, NOW + 13 * HOUR)])
    store.bring_up()
    assert store.scorecard() == {
        ("BTCUSDT", YESTERDAY.date()): (3, 0, None),
        ("BTCUSDT", TODAY.date()): (24, 0, False),
    }, "tomorrow has begun, and is not over"


def test_a_difference_of_the_running_day_is_named(set_time: Callable[[datetime], None], store: Exchanged) -> None:
    set_time(NOW + SECOND)
    store.bring([CandleSpan("BTCUSDT", TODAY, NOW - MINUTE)])
    store.bring_up()
    assert store.scorecard() == {}
    assert store.named() == []
    wrong = Candle(TODAY + 3 * HOUR + MINUTE)
    line = wrong.line(unit=timedelta(milliseconds=1))
    store.land_klines([line.split(",")], wrong.at, wrong.at, at=NOW + SECOND)
    store.load()
    store.load_archive()
    assert store.named_times() == [("BTCUSDT", "hour", f"{TODAY + 3 * HOUR}")]


# Made-up answers


@pytest.fixture(scope="module")
def described_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    store = ArchiveStore(tmp_path_factory.mktemp("described") / "sandbox", "sandbox")
    store.describe(*(described(f"{base}USDT", base, "USDT") for base in ("BTC", "ETH")))
    return store.store.path


@pytest.fixture
def made_up(described_store: Path, tmp_path: Path) -> Exchanged:
    shutil.copytree(described_store, tmp_path / "sandbox")
    return Exchanged(tmp_path / "sandbox", Sandbox())


FIRST = datetime(2024, 3, 1)  # noqa: DTZ001 - naive UTC
LATER = FIRST + 9 * DAY


def by_hours(its: Sequence[Candle], hours: Iterable[datetime]) -> list[list[object]]:
    return [rolled_up([it for it in its if begins <= it.at < begins + HOUR], begins, HOUR) for begins in hours]


def test_an_hour_that_is_off_the_grid_is_refused_and_the_missing_one_named(made_up: Exchanged) -> None:
    """As on 2018-02-09, when hours began at 28 minutes and 14.789 seconds past."""
    its = candles(FIRST, 240)
    made_up.land_klines([it.line().split(",") for it in its], FIRST, its[-1].at, at=LATER)
    hours = by_hours(its, [FIRST + number * HOUR for number in range(4)])
    hours[2][0] = milliseconds(FIRST + 2 * HOUR + 28 * MINUTE) + 14_789
    made_up.land_klines(hours, FIRST, FIRST + 3 * HOUR, at=LATER, interval="1h")
    made_up.bring_up_landed()
    assert made_up.rows("select reason from raw.quarantine") == [("it does not begin and end with an hour",)]
    [row] = made_up.named()
    assert (row["candle"], row["begins_at"], row["of_exchange"]) == ("hour", f"{FIRST + 2 * HOUR}", "none")
    assert made_up.scorecard() == {("BTCUSDT", FIRST.date()): (4, 1, None)}


def test_a_difference_in_the_last_digit_of_any_number_is_named(made_up: Exchanged) -> None:
    """Of nine hours the first and the last are right."""
    starts = [FIRST + number * HOUR for number in range(9)]
    its = candles(FIRST, 9 * 60)
    made_up.land_klines([it.line().split(",") for it in its], FIRST, its[-1].at, at=LATER)
    hours = by_hours(its, starts)
    for hour, place in zip(hours[1:], (1, 2, 3, 4, 5, 7, 8), strict=False):
        written = hour[place]
        digit = Decimal("-0.00000001") if place == 3 else Decimal("0.00000001")  # a low stays the lowest
        hour[place] = written + 1 if isinstance(written, int) else f"{Decimal(str(written)) + digit:.8f}"
    made_up.land_klines(hours, FIRST, starts[-1], at=LATER, interval="1h")
    made_up.bring_up_landed()
    assert sorted(made_up.named_times()) == [("BTCUSDT", "hour", f"{begins}") for begins in starts[1:-1]]


def test_of_several_answers_the_last_counts_and_a_rebuild_says_the_same(made_up: Exchanged) -> None:
    its = candles(FIRST, 120)
    made_up.land_klines([it.line().split(",") for it in its], FIRST, its[-1].at, at=LATER)
    hours = by_hours(its, [FIRST, FIRST + HOUR])
    made_up.land_klines(hours[1:] * 2, FIRST, FIRST + HOUR, at=LATER, interval="1h")
    made_up.bring_up_landed()
    assert made_up.named_times() == [("BTCUSDT", "hour", f"{FIRST}")]
    made_up.land_klines(hours, FIRST, FIRST + HOUR, at=LATER + MINUTE, interval="1h")
    made_up.bring_up_landed()
    assert made_up.named() == []
    traced = made_up.rows("select distinct file from raw.long_kline inner join raw.capture using (capture_id)")
    assert [file for (file,) in traced] == [made_up.landing.files_after(None)[-1].name]
    before = made_up.tables()
    made_up.rebuild()
    made_up.bring_up_landed()
    after = made_up.tables()
    assert {name for name, rows in before.items() if after[name] != rows} == set()


def test_a_candle_that_is_not_over_is_neither_stored_nor_refused_nor_answered(made_up: Exchanged) -> None:
    its = candles(FIRST, 150)
    hours = by_hours(its, [FIRST + number * HOUR for number in range(3)])
    made_up.land_klines(hours, FIRST, FIRST + 2 * HOUR, at=FIRST + 150 * MINUTE, interval="1h")
    made_up.load()
    made_up.load_archive()
    assert made_up.rows("select open_at from raw.long_kline order by 1") == [(FIRST,), (FIRST + HOUR,)]
    assert made_up.rows("from raw.quarantine") == []
    assert made_up.rows("select from_utc, to_utc from meta.long_kline_answer") == [(FIRST, FIRST + 2 * HOUR)]


# What is asked for


def test_the_newest_are_asked_for_first_and_some_in_a_run(made_up: Exchanged) -> None:
    for symbol in ("BTCUSDT", "ETHUSDT"):
        made_up.land_candles(symbol, "2024-03", candles(FIRST, 10))
        made_up.land_candles(symbol, "2024-02", candles(FIRST - DAY, 10))
        made_up.land_candles(symbol, "2024-01", candles(FIRST - 40 * DAY, 10))
        made_up.land_candles(symbol, "2023-12", candles(FIRST - 89 * DAY, 10))
    made_up.load_archive()
    end, first = FIRST + DAY, FIRST - 89 * DAY  # the files are of whole months; before and after there is nothing
    days = [CandleSpan(symbol, first, end - DAY, "1d") for symbol in ("BTCUSDT", "ETHUSDT")]
    pages = [first, first + 1000 * HOUR, first + 2000 * HOUR]
    hours = {
        page: [CandleSpan(symbol, page, min(page + 999 * HOUR, end - HOUR), "1h") for symbol in ("BTCUSDT", "ETHUSDT")]
        for page in pages
    }
    wanted = [*hours[pages[2]], *days, *hours[pages[1]], *hours[pages[0]]]
    assert made_up.wanted() == wanted
    assert made_up.wanted(most=3) == wanted[:3]


def test_pairs_are_those_that_are_repaired_and_are_still_listed(made_up: Exchanged) -> None:
    period = f"{FIRST:%Y-%m-%d}"
    made_up.land_candles("BTCUSDT", period, candles(FIRST, 10))
    made_up.land_candles("ETHUSDT", period, candles(FIRST, 10))
    made_up.load_archive()
    assert {span.symbol for span in made_up.wanted(None)} == {"BTCUSDT", "ETHUSDT"}
    assert {span.symbol for span in made_up.wanted(["ETHUSDT"])} == {"ETHUSDT"}
    made_up.land_candles("BTCUSDT", "2024-03", candles(FIRST, 10))
    made_up.load_archive()
    assert {span.symbol for span in made_up.wanted(["ETHUSDT"])} == {"BTCUSDT", "ETHUSDT"}, "its months were brought"
    for day in (1, 2, 3):
        made_up.land_info([described("ETHUSDT", "ETH", "USDT")], LATER + day * DAY)
    made_up.update()
    assert {span.symbol for span in made_up.wanted(None)} == {"ETHUSDT"}


@pytest.fixture(scope="module")
def long_lived(described_store: Path, tmp_path_factory: pytest.TempPathFactory) -> ArchiveStore:
    """A store that has a candle of BTCUSDT on the first day and on the tenth, and was not told of any others."""
    path = tmp_path_factory.mktemp("long lived") / "sandbox"
    shutil.copytree(described_store, path)
    store = ArchiveStore(path, "sandbox")
    store.add_rest([Candle(FIRST), Candle(LATER)])
    store.load_archive()
    return store


def spans(unit: timedelta, most: int) -> st.SearchStrategy[list[tuple[datetime, datetime]]]:
    ends = st.tuples(st.integers(0, most), st.integers(1, most))
    return st.lists(ends.map(lambda it: (FIRST + it[0] * unit, FIRST + (it[0] + it[1]) * unit)), max_size=8)


@given(known=spans(20 * MINUTE, 100), hours=spans(HOUR, 30), days=spans(DAY, 2))
@settings(max_examples=50, deadline=None)
def test_any_mixture_of_answers_leaves_what_sets_leave(
    long_lived: ArchiveStore,
    known: list[tuple[datetime, datetime]],
    hours: list[tuple[datetime, datetime]],
    days: list[tuple[datetime, datetime]],
) -> None:
    minutes = {since + n * MINUTE for since, until in known for n in range((until - since) // MINUTE)}
    expected = set()
    for interval, length, answered in (("1h", HOUR, hours), ("1d", DAY, days)):
        for begins in (FIRST + n * length for n in range(5 * DAY // length)):
            is_known = all(begins + n * MINUTE in minutes for n in range(length // MINUTE))
            if is_known and not any(since <= begins < until for since, until in answered):
                expected.add((interval, begins))
    with long_lived.warehouse.connect() as connection:
        connection.duck.execute("begin")
        for number, (since, until) in enumerate(known):
            connection.duck.execute(
                "insert into meta.kline_answer select ?, 1, ?, ?, ?",
                [f"{number}", since, until, until],
            )
        for interval, answered in (("1h", hours), ("1d", days)):
            for number, (since, until) in enumerate(answered):
                connection.duck.execute(
                    "insert into meta.long_kline_answer select ?, ?, 1, ?, ?, ?",
                    [f"{interval} {number}", interval, since, until, until],
                )
        found = roll_up_spans(connection, None)
        connection.duck.execute("rollback")
    asked = [
        (interval, first + n * LENGTHS[interval])
        for _, first, last, interval in found
        for n in range((last - first) // LENGTHS[interval] + 1)
    ]
    assert Counter(asked) == Counter(expected)


# In Dagster


def materialized(home: Home) -> dict[str, dict[str, Any]]:
    """What the two steps of a run tell."""
    steps = [landing_assets.long_kline, archive_assets.long_kline]
    with home.dagster_instance() as instance:
        result = dg.materialize(steps, resources={"home": HomeResource()}, instance=instance)
    return {
        event.asset_key.to_user_string(): {name: it.value for name, it in event.materialization.metadata.items()}
        for event in result.get_asset_materialization_events()
        if event.asset_key
    }


def test_a_run_brings_them_and_one_that_the_exchange_refuses_succeeds_without(
    home: Home, backfilled: ArchiveStore, small_exchange: Sandbox
) -> None:
    store = Exchanged(backfilled.store.path, small_exchange)
    store.bring_days(["BTCUSDT", SELDOM], YESTERDAY.date(), YESTERDAY.date())
    store.load_archive()
    small_exchange.fail(Fault("451", endpoint="klines", count=1))
    told = materialized(home)
    assert "not_answered" in told["landing/long_kline"]
    assert told["raw/long_kline"]["dagster/row_count"] == 0
    told = materialized(home)
    assert (told["landing/long_kline"]["requests"], told["landing/long_kline"]["candles"]) == (2, 25)
    assert told["raw/long_kline"]["dagster/row_count"] == 25, "of the watch list, that the other pair is not on"
    assert materialized(home)["landing/long_kline"]["requests"] == 0


def test_runs_that_ask_the_exchange_ask_for_them_and_a_rebuild_does_not() -> None:
    asks, loads = dg.AssetKey(["landing", "long_kline"]), dg.AssetKey(["raw", "long_kline"])
    for name, asking in (("run_once", True), ("refresh_all", True), ("backfill", True), ("rebuild", False)):
        selected = defs.resolve_job_def(name).asset_layer.executable_asset_keys
        assert (asks in selected, loads in selected) == (asking, True), name
