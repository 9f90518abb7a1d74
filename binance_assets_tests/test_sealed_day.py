"""Minutes of a sealed day that are made again, from the lake: the same rows as from the open tables."""

from __future__ import annotations

import itertools
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from binance_assets import lake
from binance_assets.collector.minutes import bring_up_to_date
from binance_assets.landing import Capture
from binance_assets.mart import models
from binance_assets_tests.pipeline import HOUR, MINUTE, NOON, SECOND, Pipeline, prices_body

DAY = timedelta(days=1)
MIDNIGHT = NOON + 12 * HOUR
CARRY_LIMIT = 300
MIDDLE = MIDNIGHT.date()
"""The second of three days, which is averaged again."""

READ = (
    "mart.fact_price_minute",
    "mart.fact_price_hour",
    "mart.fact_price_day",
    "core.price_history",
    "raw.capture",
    "meta.open_minute",
    "meta.open_hour",
)


def observe(pipeline: Pipeline) -> None:
    """Three days, of which the middle one begins and ends in silences, with an outage, sparse pairs and imports."""
    pipeline.land_info(at=NOON - 12 * HOUR)
    starts = [
        *(NOON + at for at in (-2 * HOUR, 0 * HOUR, 11 * HOUR + 50 * MINUTE)),
        *(MIDNIGHT + at for at in (7 * MINUTE, HOUR, 3 * HOUR + 55 * MINUTE, 12 * HOUR, 23 * HOUR + 30 * MINUTE)),
        *(MIDNIGHT + DAY + at for at in (9 * HOUR, 12 * HOUR)),
    ]
    samples = []
    for start, number in itertools.product(starts, range(24)):
        at = start + number * 13 * SECOND
        prices = {"BTCUSDT": f"{60000 + number}.5", "ETHBTC": f"0.0{5 + number % 4}"}
        if number % 3:
            prices["ETHUSDT"] = f"{3000 - 7 * number}.25"
        if start.minute != 55 and number % 11 == 5:
            prices |= {"USDTTRY": f"{32 + number}", "XRPTRY": "16.12345678"}
        samples.append(
            Capture(
                "ticker/price", pipeline.source, at, prices_body(prices), sampling_interval_seconds=10 + number % 2 * 20
            )
        )
    pipeline.landing.land_minute(samples)
    lines = [f"BTCUSDT,{number + 1},{MIDNIGHT - HOUR + number * 37 * MINUTE}Z" for number in range(50)]
    pipeline.land_table(pipeline.store.path.with_name("imported.csv"), lines)


@pytest.fixture
def pipeline(tmp_path: Path) -> Pipeline:
    pipeline = Pipeline(tmp_path / "live")
    observe(pipeline)
    return pipeline


def seal_all(pipeline: Pipeline) -> list[lake.Partition]:
    with pipeline.warehouse.connect() as connection:
        days = lake.sealable_days(connection)
    return [partition for day in days for partition in lake.seal(pipeline.warehouse, day)]


def average_again(pipeline: Pipeline, day: date, carry_limit_seconds: int = CARRY_LIMIT) -> int:
    with pipeline.warehouse.connect() as connection:
        return models.average_sealed_day(connection, day, carry_limit_seconds)


def roll_up(pipeline: Pipeline) -> None:
    with pipeline.warehouse.connect() as connection:
        models.roll_up_hours(connection)
        models.roll_up_days(connection)


def facts(pipeline: Pipeline) -> dict[str, list[tuple[Any, ...]]]:
    return {name: pipeline.rows(f"from {name} order by all") for name in READ}


def middle(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for row in rows if row["date"] == MIDDLE]


def test_a_sealed_day_is_averaged_to_the_same_rows_and_sealed_again(pipeline: Pipeline) -> None:
    pipeline.update(CARRY_LIMIT)
    before = facts(pipeline)
    on_the_day = middle(pipeline.records("from mart.fact_price_minute"))
    assert any(row["is_gap"] and row["minute_utc"] == MIDNIGHT for row in on_the_day), "a silence reaches into the day"
    assert any(row["is_gap"] and row["minute_utc"] == MIDNIGHT + DAY - MINUTE for row in on_the_day), "and out of it"
    assert len({row["observation_count"] for row in on_the_day}) > 3, "some pairs are sparse"
    assert MIDDLE in {partition.day for partition in seal_all(pipeline)}

    for _ in range(2):  # the second time, its minutes are open
        assert average_again(pipeline, MIDDLE) > 30
    [(prices, minutes)] = pipeline.rows(
        "select (select count(*) from open.price_history), (select count(*) from open.fact_price_minute)"
    )
    assert (prices, minutes) == (0, len(on_the_day)), "observations stay in the lake, no other day's minutes come out"
    after = facts(pipeline)
    assert after.pop("meta.open_hour"), "its hours are to be rolled up"
    assert after == {name: before[name] for name in after}
    assert seal_all(pipeline) == []
    roll_up(pipeline)
    assert facts(pipeline) == before

    assert {(partition.table, partition.day) for partition in seal_all(pipeline)} == {
        ("fact_price_minute", MIDDLE),
        ("fact_price_hour", MIDDLE),
    }
    assert facts(pipeline) == before
    assert pipeline.rows("select count(*) from open.fact_price_minute") == [(0,)]


def test_another_carry_limit_is_as_if_it_had_always_been_so(pipeline: Pipeline, tmp_path: Path) -> None:
    pipeline.update(CARRY_LIMIT)
    lake.seal(pipeline.warehouse, MIDDLE)
    before = pipeline.records("from mart.fact_price_minute order by all")
    average_again(pipeline, MIDDLE, 7200)
    roll_up(pipeline)
    at_once = Pipeline(tmp_path / "at once")
    observe(at_once)
    at_once.update(7200)
    for name in ("mart.fact_price_minute", "mart.fact_price_hour"):
        found, expected = (middle(each.records(f"from {name} order by all")) for each in (pipeline, at_once))
        assert found == expected, name
    after = pipeline.records("from mart.fact_price_minute order by all")
    assert middle(after) != middle(before)
    assert [row for row in after if row["date"] != MIDDLE] == [row for row in before if row["date"] != MIDDLE]


def test_late_data_for_a_day_of_which_only_the_minutes_are_open(pipeline: Pipeline, tmp_path: Path) -> None:
    pipeline.update(CARRY_LIMIT)
    lake.seal(pipeline.warehouse, MIDDLE)
    average_again(pipeline, MIDDLE)
    at_once = Pipeline(tmp_path / "at once")
    observe(at_once)
    for each in (pipeline, at_once):
        each.land_prices({"XRPTRY": "1.5"}, MIDNIGHT + 5 * HOUR)
        each.update(CARRY_LIMIT)
    amended, expected = facts(pipeline), facts(at_once)
    for name in set(READ) - {"raw.capture"}:  # which says in which file it was landed
        assert amended[name] == expected[name], name
    lake.seal(pipeline.warehouse, MIDDLE)
    assert facts(pipeline) == amended


def test_what_fails_leaves_the_day_as_it_was(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline.update(CARRY_LIMIT)
    lake.seal(pipeline.warehouse, MIDDLE)
    before = facts(pipeline)

    def fail(*arguments: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(models, "_fill_silences", fail)
    with pytest.raises(OSError, match="disk full"):
        average_again(pipeline, MIDDLE)
    assert facts(pipeline) == before
    assert pipeline.rows("select count(*) from open.fact_price_minute where minute_utc::date = $day", day=MIDDLE) == [
        (0,)
    ]


def test_a_day_that_is_open_is_refused(pipeline: Pipeline) -> None:
    pipeline.update(CARRY_LIMIT)
    with pytest.raises(ValueError, match=f"{MIDDLE} is not sealed"):
        average_again(pipeline, MIDDLE)


def test_the_collector_can_load_an_import_and_close_minutes_with_one_connection(pipeline: Pipeline) -> None:
    """Loading and averaging both have temporary relations, which must not meet."""
    with pipeline.warehouse.connect() as connection:
        loaded = bring_up_to_date(connection, pipeline.landing, CARRY_LIMIT)
        assert loaded.files == 3
