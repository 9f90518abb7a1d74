"""Hours and days, against an independent computation with exact fractions from minutes computed likewise."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from binance_assets import lake
from binance_assets.core import models as core
from binance_assets.mart import models
from binance_assets_tests.pipeline import HOUR, MINUTE, NOON, SECOND, Pipeline, described, set_clock
from binance_assets_tests.test_minutes import CARRY_LIMIT, Snapshot, expected_minutes, land

DAY = timedelta(days=1)
MIDNIGHT = NOON - 12 * HOUR
QUOTES = {"BTCUSDT": "USDT", "ETHBTC": "BTC", "FOOBAR": "BAR"}
METADATA = [described(symbol, symbol[:3], quote) for symbol, quote in QUOTES.items()]

Key = tuple[str, str, datetime]
Rows = dict[Key, dict[str, Any]]


def start_of(instant: datetime, span: timedelta) -> datetime:
    return instant - (instant - MIDNIGHT) % span


def usdt_rate(minutes: Rows, symbol: str, source: str, minute: datetime) -> Fraction | None:
    if QUOTES[symbol] == "USDT":
        return Fraction(1)
    bitcoin = minutes.get(("BTCUSDT", source, minute))
    return bitcoin["average_price"] if QUOTES[symbol] == "BTC" and bitcoin else None


def mean(weighted: Iterable[tuple[Fraction, int]]) -> Fraction | None:
    values = list(weighted)
    return sum((value * weight for value, weight in values), Fraction()) / sum(w for _, w in values) if values else None


def expected_rollups(minutes: Rows, span: timedelta) -> Rows:
    """The hours or the days of some minutes, all but their price in USDT."""
    parts: dict[Key, list[tuple[datetime, dict[str, Any]]]] = defaultdict(list)
    for symbol, source, minute in sorted(minutes):
        parts[symbol, source, start_of(minute, span)].append((minute, minutes[symbol, source, minute]))
    rows: Rows = {}
    length = span // MINUTE
    for key, rolled in parts.items():
        observed = [row for _, row in rolled if not row["is_gap"]]
        filled = [row for _, row in rolled if row["filled_price"] is not None]
        average = mean((row["average_price"], row["observation_count"]) for row in observed)
        count = sum(row["observation_count"] for row in observed)
        rows[key] = {
            "price_sum": None if average is None else average * count,
            "average_price": average,
            "time_weighted_price": mean((row["time_weighted_price"], 1) for row in observed),
            "open_price": observed[0]["open_price"] if observed else None,
            "high_price": max((row["high_price"] for row in observed), default=None),
            "low_price": min((row["low_price"] for row in observed), default=None),
            "close_price": observed[-1]["close_price"] if observed else None,
            "observation_count": count,
            "expected_count": sum(row["expected_count"] for _, row in rolled),
            "coverage": sum(row["coverage"] for row in observed) / Fraction(length),
            "observed_minutes": len(observed),
            "filled_minutes": len(filled),
            "missing_minutes": length - len(observed) - len(filled),
        }
    return rows


def expected(snapshots: list[Snapshot]) -> tuple[Rows, Rows]:
    """The rows of mart.fact_price_hour and mart.fact_price_day."""
    minutes = expected_minutes(snapshots)
    hours, days = expected_rollups(minutes, HOUR), expected_rollups(minutes, DAY)
    usdt: dict[Key, list[tuple[Fraction, int]]] = defaultdict(list)
    for (symbol, source, minute), row in minutes.items():
        rate = usdt_rate(minutes, symbol, source, minute)
        if rate is not None and not row["is_gap"]:
            part = (row["average_price"] * rate, row["observation_count"])
            usdt[symbol, source, start_of(minute, HOUR)].append(part)
    for key, row in hours.items():
        row["price_usdt"] = mean(usdt[key])
    for (symbol, source, day), row in days.items():
        its_hours = (hours.get((symbol, source, day + number * HOUR)) for number in range(24))
        row["price_usdt"] = mean(
            (hour["price_usdt"], hour["observation_count"])
            for hour in its_hours
            if hour and hour["price_usdt"] is not None
        )
    return hours, days


def stored(pipeline: Pipeline, table: str, start: str) -> Rows:
    records = pipeline.records(
        f"select symbol, {start}::timestamp as start, rollup.* from mart.{table} as rollup "
        "inner join mart.dim_pair using (pair_key)"
    )
    rows = {(record["symbol"], record["source"], record["start"]): record for record in records}
    assert len(rows) == len(records), "a key stands twice"
    assert all(record["date_key"] == int(f"{record['start']:%Y%m%d}") for record in records)
    return rows


def hours_of(pipeline: Pipeline) -> Rows:
    hours = stored(pipeline, "fact_price_hour", "hour_utc")
    assert all(row["time_key"] == row["start"].hour * 60 for row in hours.values())
    assert all(row["date"] == row["start"].date() for row in hours.values())
    assert all(minutes_of(row) == 60 for row in hours.values())
    return hours


def days_of(pipeline: Pipeline) -> Rows:
    days = stored(pipeline, "fact_price_day", "date_utc")
    assert all(minutes_of(row) == 1440 for row in days.values())
    assert all((row["average_kind"] == "observations") == (row["observation_count"] > 0) for row in days.values())
    return days


def minutes_of(row: Mapping[str, Any]) -> int:
    return sum(row[f"{kind}_minutes"] for kind in ("observed", "filled", "missing"))


def assert_equal(found: Rows, expected: Rows) -> None:
    assert found.keys() == expected.keys()
    for key, row in expected.items():
        for name, value in row.items():
            actual = found[key][name]
            if isinstance(actual, float):
                assert actual == pytest.approx(float(value), rel=1e-12, abs=0), (key, name)
            else:
                assert (actual if actual is None else Fraction(actual)) == value, (key, name)


def assert_right(pipeline: Pipeline, snapshots: list[Snapshot]) -> None:
    hours, days = expected(snapshots)
    assert_equal(hours_of(pipeline), hours)
    assert_equal(days_of(pipeline), days)
    assert pipeline.rows("from meta.open_hour") == pipeline.rows("from meta.open_day") == []


def seal_all(pipeline: Pipeline) -> int:
    with pipeline.warehouse.connect() as connection:
        days = lake.sealable_days(connection)
    return sum(bool(lake.seal(pipeline.warehouse, day)) for day in days)


@pytest.fixture
def pipeline(tmp_path: Path) -> Pipeline:
    pipeline = Pipeline(tmp_path / "live")
    pipeline.land_info(METADATA)
    return pipeline


def some_days() -> list[Snapshot]:
    """Two sources over two days: minutes around a midnight and noons, with silences of minutes and of half a day."""
    return [
        Snapshot(
            MIDNIGHT + half * 12 * HOUR + number * 25 * SECOND + SECOND,
            {
                symbol: f"{half + 1}.{abs(number):02}"
                for symbol in ("BTCUSDT", "ETHBTC")
                if number % 7 or symbol == "ETHBTC"
            },
            interval=None if source == "import" else 20,
            source=source,
        )
        for half in range(1, 4)
        for number in (*range(-9, 3), *range(30, 33))
        for source in ("live", "import")
        if source == "live" or half == 2
    ]


prices = st.decimals("0.00000001", "9999999999", places=8).filter(bool).map(lambda price: f"{price:f}")
snapshots = st.lists(
    st.builds(
        Snapshot,
        at=st.builds(
            lambda block, seconds: NOON + block + seconds * SECOND,
            st.sampled_from([timedelta(0), timedelta(0), HOUR, 11 * HOUR + 50 * MINUTE, 30 * HOUR]),
            st.integers(0, 20 * 60) | st.integers(0, 3 * 60),
        ),
        prices=st.dictionaries(st.sampled_from(list(QUOTES)), prices, min_size=1),
        interval=st.sampled_from([10, 10, 20, None]),
        source=st.sampled_from(["live", "live", "import"]),
    ),
    min_size=5,
    max_size=40,
    unique_by=lambda snapshot: (snapshot.source, snapshot.at),
)


@given(snapshots=snapshots, batches=st.integers(1, 3))
@settings(max_examples=3, deadline=None, derandomize=True, phases=[Phase.generate])
def test_rollups_equal_an_independent_computation(
    tmp_path_factory: pytest.TempPathFactory, snapshots: list[Snapshot], batches: int
) -> None:
    """In whatever order and in however many loads the snapshots come, and when all is made again at once."""
    pipeline = Pipeline(tmp_path_factory.mktemp("rollups"))
    pipeline.land_info(METADATA)
    for number in range(batches):
        land(pipeline, snapshots[number::batches])
        pipeline.update(CARRY_LIMIT)
    assert_right(pipeline, snapshots)
    made = pipeline.tables()
    pipeline.rebuild()
    again = pipeline.tables()
    for name in ("mart.fact_price_hour", "mart.fact_price_day", "meta.open_hour", "meta.open_day"):
        assert again[name] == made[name], name


def test_late_data_for_a_sealed_day_ends_in_the_same_rows(pipeline: Pipeline) -> None:
    snapshots = some_days()
    late = [
        Snapshot(NOON + DAY + 2 * HOUR, {"BTCUSDT": "1000", "FOOBAR": "1"}, 20),
        Snapshot(NOON + 6 * HOUR, {"ETHBTC": "3"}, None, "import"),
    ]
    land(pipeline, snapshots)
    pipeline.update(CARRY_LIMIT)
    assert_right(pipeline, snapshots)
    assert seal_all(pipeline) == 2
    assert pipeline.rows("select count(*) from open.fact_price_hour") == [(0,)]
    assert_right(pipeline, snapshots)
    land(pipeline, late)
    pipeline.update(CARRY_LIMIT)
    assert_right(pipeline, [*snapshots, *late])
    assert seal_all(pipeline)
    assert_right(pipeline, [*snapshots, *late])


def test_a_rebuild_makes_the_days_again_whose_hours_only_the_lake_has(pipeline: Pipeline) -> None:
    for at in (NOON, NOON + MINUTE, NOON + HOUR, NOON + 3 * DAY):
        pipeline.land_prices({"BTCUSDT": "2", "ETHBTC": "3.5"}, at)
    pipeline.land_prices({"ETHBTC": "4"}, NOON, source="import", interval=None)
    pipeline.update()
    seal_all(pipeline)
    before = hours_of(pipeline), days_of(pipeline)
    assert len(before[1]) == 5
    for (file,) in pipeline.rows(
        "select file from raw.capture where date = $day and endpoint = 'ticker/price'", day=NOON.date()
    ):
        (pipeline.landing.path / file).unlink()
    pipeline.rebuild()
    assert (hours_of(pipeline), days_of(pipeline)) == before
    assert pipeline.rows("select date from meta.sealed_partition where \"table\" = 'fact_price_hour'") == [
        (NOON.date(),)
    ]


def test_an_hour_and_a_day_are_rolled_up_when_they_are_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline = Pipeline(tmp_path / "live")
    set_clock(monkeypatch, MIDNIGHT + 23 * HOUR)
    pipeline.land_info(METADATA, MIDNIGHT)

    def sample(at: datetime) -> tuple[set[datetime], set[datetime]]:
        set_clock(monkeypatch, at + SECOND)
        pipeline.land_prices({"ETHBTC": "1"}, at)
        pipeline.update()
        return {start for _, _, start in hours_of(pipeline)}, {start for _, _, start in days_of(pipeline)}

    last_hour, midnight = MIDNIGHT + 23 * HOUR, MIDNIGHT + DAY
    assert sample(last_hour + 58 * MINUTE) == (set(), set())
    assert sample(last_hour + 59 * MINUTE + 50 * SECOND) == (set(), set())
    assert pipeline.rows("select hour_utc from meta.open_hour") == [(last_hour,)]
    assert sample(midnight) == ({last_hour}, {MIDNIGHT})
    assert sample(midnight + MINUTE) == ({last_hour}, {MIDNIGHT})
    assert pipeline.rows("select hour_utc from meta.open_hour") == [(midnight,)]
    assert sample(midnight + HOUR) == ({last_hour, midnight}, {MIDNIGHT})
    assert pipeline.rows("select date_utc from meta.open_day") == [(midnight.date(),)]


def test_only_hours_whose_minutes_changed_are_made_anew(pipeline: Pipeline) -> None:
    path = pipeline.store.path.with_name("observations.csv")
    at = {number: f"{NOON + number * MINUTE}Z" for number in range(6 * 60)}
    pipeline.land_table(path, [f"ETHBTC,2,{minute}" for number, minute in at.items() if number != 130])
    pipeline.update()
    pipeline.land_table(path, [f"ETHBTC,4,{at[130]}"])
    pipeline.load()
    with pipeline.warehouse.connect() as connection:
        core.load_prices(connection)
        assert models.roll_up_hours(connection) == 0, "the minute of that hour is not averaged yet"
        models.close_minutes(connection, CARRY_LIMIT)
        assert [models.roll_up_hours(connection), models.roll_up_hours(connection)] == [1, 0]
        assert [models.roll_up_days(connection), models.roll_up_days(connection)] == [1, 0]
    changed = hours_of(pipeline)["ETHBTC", "import", NOON + 2 * HOUR]
    assert (changed["observed_minutes"], changed["high_price"], changed["average_price"]) == (60, 4, 122 / 60)


def test_a_silence_that_ends_changes_the_hours_that_it_lay_in(pipeline: Pipeline) -> None:
    """From 12:30 to 15:30, nothing: the hours between are there as gaps as soon as the next observation is."""
    snapshots = [Snapshot(NOON + 30 * MINUTE, {"ETHBTC": "2"})]
    land(pipeline, snapshots)
    pipeline.update(CARRY_LIMIT)
    assert_right(pipeline, snapshots)
    snapshots.append(Snapshot(NOON + 210 * MINUTE, {"ETHBTC": "3"}))
    land(pipeline, snapshots[1:])
    pipeline.update(CARRY_LIMIT)
    assert_right(pipeline, snapshots)
    silent = hours_of(pipeline)["ETHBTC", "live", NOON + HOUR]
    assert (silent["average_price"], silent["coverage"], silent["missing_minutes"]) == (None, 0, 60)
    assert hours_of(pipeline)["ETHBTC", "live", NOON]["filled_minutes"] == 5


@pytest.mark.parametrize("waiting", ["open_hour", "open_day"])
def test_a_day_with_roll_ups_to_be_made_is_not_sealed(pipeline: Pipeline, waiting: str) -> None:
    pipeline.land_prices({"ETHBTC": "2"}, NOON)
    pipeline.update()
    with pipeline.warehouse.connect() as connection:
        assert lake.sealable_days(connection) == [NOON.date()]
        connection.duck.execute(f"insert into meta.{waiting} values ($at, 'live')", {"at": NOON})
        assert lake.sealable_days(connection) == []
