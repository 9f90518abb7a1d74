"""Minute averages, against an independent computation with exact fractions."""

from __future__ import annotations

import dataclasses
import itertools
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from binance_assets.collector.minutes import bring_up_to_date
from binance_assets_tests.pipeline import HOUR, MINUTE, NOON, SECOND, Pipeline, described, set_clock

SYMBOLS = ("ABC", "DEF", "GHI")
METADATA = [described(symbol, symbol[:2], symbol[2:]) for symbol in SYMBOLS]
CARRY_LIMIT = 300
GAP_LIMIT = 12 * HOUR


@dataclasses.dataclass(frozen=True)
class Snapshot:
    """One response: when it came, from where, sampled on which grid, and the prices in it."""

    at: datetime
    prices: Mapping[str, str]
    interval: int | None = 10
    source: str = "live"


def minute_of(instant: datetime) -> datetime:
    return instant.replace(second=0, microsecond=0)


def expected_minutes(snapshots: Sequence[Snapshot]) -> dict[tuple[str, str, datetime], dict[str, Any]]:
    """The rows of mart.fact_price_minute by symbol, source and minute, in plain Python with exact numbers."""
    grids = defaultdict(list)
    observed = defaultdict(list)
    for snapshot in sorted(snapshots, key=lambda snapshot: snapshot.at):
        minute = minute_of(snapshot.at)
        grids[snapshot.source, minute].append(snapshot.interval)
        for symbol, price in snapshot.prices.items():
            observed[symbol, snapshot.source, minute].append((snapshot.at, Fraction(price)))

    def expected_count(source: str, minute: datetime) -> int | None:
        intervals = grids.get((source, minute))
        if not intervals:
            return None
        sampled = [interval for interval in intervals if interval]
        return 60 // min(sampled) if sampled else len(intervals)

    rows: dict[tuple[str, str, datetime], dict[str, Any]] = {}
    for (symbol, source, minute), observations in observed.items():
        prices = [price for _, price in observations]
        ends = [at for at, _ in observations[1:]] + [minute + MINUTE]
        weights = [
            Fraction(round((end - at).total_seconds() * 1e6)) for (at, _), end in zip(observations, ends, strict=True)
        ]
        expected = expected_count(source, minute)
        assert expected
        rows[symbol, source, minute] = {
            "average_price": sum(prices) / len(prices),
            "time_weighted_price": sum(p * w for p, w in zip(prices, weights, strict=True)) / sum(weights),
            "open_price": prices[0],
            "high_price": max(prices),
            "low_price": min(prices),
            "close_price": prices[-1],
            "observation_count": len(prices),
            "expected_count": expected,
            "coverage": min(Fraction(1), Fraction(len(prices), expected)),
            "is_gap": False,
            "filled_price": None,
            "fill_method": "none",
            "staleness_seconds": Fraction(0),
            "last_observed_at": observations[-1][0],
        }
    for (symbol, source, minute), (other, other_source, following) in itertools.pairwise(sorted(rows)):
        if (symbol, source) != (other, other_source) or following - minute > GAP_LIMIT:
            continue
        before = rows[symbol, source, minute]
        for number in range(1, (following - minute) // MINUTE):
            gap = minute + number * MINUTE
            staleness = Fraction((gap - before["last_observed_at"]) // timedelta(microseconds=1), 10**6)
            carried = staleness <= CARRY_LIMIT
            fallback = 0 if source == "import" else before["expected_count"]
            known = expected_count(source, gap)
            rows[symbol, source, gap] = dict.fromkeys(before) | {
                "observation_count": 0,
                "expected_count": fallback if known is None else known,
                "coverage": Fraction(0),
                "is_gap": True,
                "filled_price": before["close_price"] if carried else None,
                "fill_method": "carried_forward" if carried else "none",
                "staleness_seconds": staleness,
                "last_observed_at": before["last_observed_at"],
            }
    return rows


def minutes(pipeline: Pipeline) -> dict[tuple[str, str, datetime], dict[str, Any]]:
    records = pipeline.records(
        "select dim_pair.symbol, minute.* from mart.fact_price_minute as minute "
        "inner join mart.dim_pair using (pair_key)"
    )
    assert all(r["date_key"] == int(f"{r['minute_utc']:%Y%m%d}") for r in records)
    assert all(r["time_key"] == r["minute_utc"].hour * 60 + r["minute_utc"].minute for r in records)
    by_key = {(r["symbol"], r["source"], r["minute_utc"]): r for r in records}
    assert len(by_key) == len(records), "a key stands twice"
    return by_key


def assert_equal(found: Mapping[Any, dict[str, Any]], expected: Mapping[Any, dict[str, Any]]) -> None:
    assert found.keys() == expected.keys()
    for key, row in expected.items():
        for name, value in row.items():
            actual = found[key][name]
            if isinstance(actual, float):
                assert actual == pytest.approx(float(value), rel=1e-14), (key, name)
            elif isinstance(actual, Decimal):
                assert Fraction(actual) == value, (key, name)
            else:
                assert actual == value, (key, name)


def land(pipeline: Pipeline, snapshots: Iterable[Snapshot]) -> None:
    """All in one file, in this order."""
    pipeline.landing.land_minute(
        [pipeline.sampled(it.prices, it.at, interval=it.interval, source=it.source) for it in snapshots]
    )


@pytest.fixture
def pipeline(tmp_path: Path) -> Pipeline:
    pipeline = Pipeline(tmp_path / "live")
    pipeline.land_info(METADATA)
    return pipeline


prices = st.decimals("0.00000001", "9999999999", places=8).filter(bool).map(lambda price: f"{price:f}")
instants = st.builds(
    lambda block, milliseconds: NOON + block + timedelta(milliseconds=milliseconds),
    st.sampled_from([timedelta(0), timedelta(0), HOUR, 11 * HOUR + 50 * MINUTE, 30 * HOUR]),
    st.integers(0, 20 * 60 * 1000) | st.integers(0, 3 * 60 * 1000),
)
snapshots = st.lists(
    st.builds(
        Snapshot,
        at=instants,
        prices=st.dictionaries(st.sampled_from(SYMBOLS), prices, min_size=1),
        interval=st.sampled_from([10, 10, 20, None]),
        source=st.sampled_from(["live", "live", "import"]),
    ),
    min_size=5,
    max_size=40,
    unique_by=lambda snapshot: (snapshot.source, snapshot.at),
)


@given(snapshots=snapshots, batches=st.integers(1, 3))
@settings(max_examples=6, deadline=None, derandomize=True, phases=[Phase.generate])
def test_minutes_equal_an_independent_computation(
    tmp_path_factory: pytest.TempPathFactory, snapshots: list[Snapshot], batches: int
) -> None:
    """In whatever order and in however many loads the snapshots come."""
    pipeline = Pipeline(tmp_path_factory.mktemp("minutes"))
    pipeline.land_info(METADATA)
    for number in range(batches):
        land(pipeline, snapshots[number::batches])
        pipeline.update(CARRY_LIMIT)
    assert_equal(minutes(pipeline), expected_minutes(snapshots))
    assert pipeline.rows("from meta.open_minute") == []


def test_many_observations_have_one_exact_time_weighted_price(pipeline: Pipeline) -> None:
    """Thousands of prices of very different size: a sum of doubles would depend on the order of addition."""
    steps = range(6000)
    lines = [
        f"ABC,{1 + step % 7 * 10 ** (step % 9)}.{step:08d},{NOON + step * timedelta(milliseconds=10)}Z"
        for step in steps
    ]
    path = pipeline.store.path.with_name("many.csv")
    pipeline.land_table(path, lines)
    pipeline.update()
    snapshots = [
        Snapshot(NOON + step * timedelta(milliseconds=10), {"ABC": lines[step].split(",")[1]}, None, "import")
        for step in steps
    ]
    assert_equal(minutes(pipeline), expected_minutes(snapshots))


def test_a_carried_price_is_no_older_than_the_limit(pipeline: Pipeline) -> None:
    """Seen at 12:00:30 and then at 12:10: the minute from 12:05 is within a limit of 300 s, that from 12:06 not."""
    for at, price in ((NOON + 30 * SECOND, "1.5"), (NOON + 10 * MINUTE, "2")):
        pipeline.land_prices({"ABC": price}, at)
    pipeline.update(carry_limit_seconds=300)
    gaps = [row for row in minutes(pipeline).values() if row["is_gap"]]
    assert [(row["minute_utc"].minute, row["staleness_seconds"]) for row in gaps] == [
        (minute, minute * 60 - 30) for minute in range(1, 10)
    ]
    assert [row["filled_price"] for row in gaps] == [Decimal("1.5")] * 5 + [None] * 4
    assert [row["fill_method"] for row in gaps] == ["carried_forward"] * 5 + ["none"] * 4
    assert {row["average_price"] for row in gaps} == {None}
    assert {row["last_observed_at"] for row in gaps} == {NOON + 30 * SECOND}


def test_the_running_minute_is_not_published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline = Pipeline(tmp_path / "live")
    set_clock(monkeypatch, NOON)
    pipeline.land_info(METADATA)
    for second in (0, 30):
        set_clock(monkeypatch, NOON + second * SECOND + SECOND / 10)
        pipeline.land_prices({"ABC": "1"}, NOON + second * SECOND)
        pipeline.update()
        assert minutes(pipeline) == {}, "nothing was landed after the minute's end, so more may come"
    set_clock(monkeypatch, NOON + MINUTE + SECOND)
    pipeline.land_prices({"ABC": "2"}, NOON + MINUTE)
    pipeline.update()
    [row] = minutes(pipeline).values()
    assert (row["minute_utc"], row["observation_count"], row["average_price"]) == (NOON, 2, 1.0)
    assert pipeline.rows("select minute_utc from meta.open_minute") == [(NOON + MINUTE,)]
    set_clock(monkeypatch, NOON + 3 * MINUTE)
    pipeline.land_info(METADATA, NOON + 3 * MINUTE)
    pipeline.update()
    assert len(minutes(pipeline)) == 2, "whatever is landed after the end of a minute closes it"


def test_late_observations_reopen_just_the_minutes_they_touch(pipeline: Pipeline) -> None:
    snapshots = [
        Snapshot(NOON + number * 20 * SECOND, {"ABC": f"{number + 1}", "DEF": "2.5"}, interval=20)
        for number in range(3 * 12)
        if number // 3 != 8
    ]
    land(pipeline, snapshots)
    pipeline.update()
    before = pipeline.records("from mart.fact_price_minute order by all")
    assert_equal(minutes(pipeline), expected_minutes(snapshots))

    late = [
        Snapshot(NOON + 3 * MINUTE + 5 * SECOND, {"ABC": "1000"}, interval=20),
        Snapshot(NOON + 7 * MINUTE + 55 * SECOND, {"ABC": "7"}, interval=20),
    ]
    land(pipeline, late)
    pipeline.update()
    after = pipeline.records("from mart.fact_price_minute order by all")
    assert_equal(minutes(pipeline), expected_minutes([*snapshots, *late]))

    touched = {3, 7, 8}  # 8 is the gap that now carries another price
    assert [row for row in after if row["minute_utc"].minute not in touched] == [
        row for row in before if row["minute_utc"].minute not in touched
    ], "a minute changed that nothing had come for"
    changed = [row for row in after if row not in before]
    assert {row["minute_utc"].minute for row in changed} == touched


def test_a_long_silence_makes_no_rows(pipeline: Pipeline) -> None:
    for at in (NOON, NOON + GAP_LIMIT, NOON + 2 * GAP_LIMIT + MINUTE):
        pipeline.land_prices({"ABC": "1"}, at)
    pipeline.update()
    counts = Counter(row["is_gap"] for row in minutes(pipeline).values())
    assert counts == {False: 3, True: 719}, "12 hours are shown minute by minute, a minute more is not"


def test_expected_count_follows_the_sampling_of_the_minute(pipeline: Pipeline) -> None:
    """Grids of 10 and of 30 s, a minute with both, and imports, of which nobody knows more than their snapshots."""
    plan = {0: [10], 1: [30, 30], 2: [30, 10]}
    for minute, intervals in plan.items():
        for number, interval in enumerate(intervals):
            pipeline.land_prices({"ABC": "1"}, NOON + minute * MINUTE + number * SECOND, interval=interval)
    for number in range(3):
        prices = {"DEF": "1"} if number else {"ABC": "1"}
        pipeline.land_prices(prices, NOON + number * SECOND, interval=None, source="import")
    pipeline.update()
    found = {
        (symbol, source, row["minute_utc"].minute): (row["observation_count"], row["expected_count"], row["coverage"])
        for (symbol, source, _), row in minutes(pipeline).items()
    }
    assert found == {
        ("ABC", "live", 0): (1, 6, pytest.approx(1 / 6)),
        ("ABC", "live", 1): (2, 2, 1.0),
        ("ABC", "live", 2): (2, 6, pytest.approx(1 / 3)),
        ("ABC", "import", 0): (1, 3, pytest.approx(1 / 3)),
        ("DEF", "import", 0): (2, 3, pytest.approx(2 / 3)),
    }


def test_prices_in_usdt_go_by_way_of_the_quote_currency(tmp_path: Path) -> None:
    pipeline = Pipeline(tmp_path / "live")
    pairs = {
        "BTCUSDT": ("BTC", "USDT", "50000", 50000),
        "ETHBTC": ("ETH", "BTC", "0.05", 0.05 * 50000),  # quote sold directly
        "USDTTRY": ("USDT", "TRY", "32", 32 / 32),  # quote bought, so inverted
        "XRPTRY": ("XRP", "TRY", "16", 16 / 32),
        "BNBBTC": ("BNB", "BTC", "0.01", 500),
        "ADABNB": ("ADA", "BNB", "0.002", 0.002 * 0.01 * 50000),  # by way of BTC
        "BTCDAI": ("BTC", "DAI", "49000", 50000),
        "SOLDAI": ("SOL", "DAI", "98", 98 / 49000 * 50000),  # by way of BTC, inverted
        "FOOBAR": ("FOO", "BAR", "3", None),  # no way
    }
    pipeline.land_info([described(symbol, base, quote) for symbol, (base, quote, _, _) in pairs.items()])
    for seconds in (0, 20, 61):  # a complete minute, and the beginning of one without BTCUSDT
        prices = {symbol: price for symbol, (_, _, price, _) in pairs.items() if seconds < 60 or symbol != "BTCUSDT"}
        pipeline.land_prices(prices, NOON + seconds * SECOND)
    pipeline.update()

    def in_usdt(name: str, instant: str, minute: datetime) -> dict[str, float | None]:
        rows = pipeline.rows(
            f"select symbol, any_value(price_usdt) from {name} inner join mart.dim_pair using (pair_key) "
            f"where date_trunc('minute', {instant}) = $minute group by symbol",
            minute=minute,
        )
        return dict(rows)

    complete = {symbol: None if usdt is None else pytest.approx(usdt) for symbol, (*_, usdt) in pairs.items()}
    without_bitcoin = {symbol: None for symbol in pairs if symbol != "BTCUSDT"} | {
        "USDTTRY": pytest.approx(1.0),
        "XRPTRY": pytest.approx(0.5),
    }
    for name, instant in (("mart.fact_price_minute", "minute_utc"), ("mart.fact_price", "observed_at")):
        assert in_usdt(name, instant, NOON) == complete, name
        assert in_usdt(name, instant, NOON + MINUTE) == without_bitcoin, name


def test_a_backlog_larger_than_a_row_group_is_averaged(pipeline: Pipeline) -> None:
    """Inserting no rows and more than 122,880 into one table in a transaction hides rows from a DuckDB connection."""
    symbols = [f"COIN{number}USDT" for number in range(2_100)]
    pipeline.land_info([described(symbol, symbol.removesuffix("USDT"), "USDT") for symbol in symbols], NOON - HOUR)
    pipeline.update()
    for number in range(60):
        pipeline.land_prices(dict.fromkeys(symbols, "1.5"), NOON + number * 10 * SECOND)
    with pipeline.warehouse.connect() as connection:
        bring_up_to_date(connection, pipeline.landing, 300)
    assert pipeline.rows("select count(*), sum(observation_count) from mart.fact_price_minute") == [(21_000, 126_000)]
