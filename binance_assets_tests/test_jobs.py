"""The jobs that run by themselves, as Dagster runs them."""

from __future__ import annotations

import json
from datetime import timedelta

import dagster as dg
import pytest

from binance_assets.home import Home
from binance_assets.housekeeping import job as housekeeping
from binance_assets.runs import RunFailed, execute
from binance_assets_tests.pipeline import NOON, PAIRS, SECOND, Pipeline

DAY = timedelta(days=1)


@pytest.fixture
def pipeline(home: Home) -> Pipeline:
    """Real data of three days."""
    pipeline = Pipeline(home.store("live").path)
    pipeline.land_info(PAIRS, NOON - 2 * DAY)
    for day in range(3):
        for number in range(6):
            prices = {pair["symbol"]: f"{number + 1}.5" for pair in PAIRS}
            pipeline.land_prices(prices, NOON - day * DAY + number * 10 * SECOND)
    pipeline.update()
    return pipeline


def materialized(home: Home, *path: str) -> dict[str, object]:
    with home.dagster_instance() as instance:
        event = instance.get_latest_materialization_event(dg.AssetKey(path))
    assert event
    assert event.asset_materialization
    return {name: value.value for name, value in event.asset_materialization.metadata.items()}


def test_days_are_sealed_and_the_calendar_is_carried_on(home: Home, pipeline: Pipeline) -> None:
    assert execute(home, "seal_days").failed_checks == []
    told = materialized(home, "lake", "sealed_day")
    assert told["dagster/row_count"] == sum(
        rows for (rows,) in pipeline.rows("select row_count from meta.sealed_partition")
    )
    assert pipeline.rows("select count(*) from open.price_history") == [(0,)]
    assert pipeline.rows("select count(*) from core.price_history") == [(3 * 6 * len(PAIRS),)]
    assert materialized(home, "mart", "dim_date")


def test_all_checks_pass_on_open_and_on_sealed_days(home: Home, pipeline: Pipeline) -> None:
    before = execute(home, "check_all")
    execute(home, "seal_days")
    after = execute(home, "check_all")
    assert [check.name for check in before.failed_checks] == ["unresolved_gaps"] * 0
    assert (after.passed_checks, after.failed_checks) == (before.passed_checks, before.failed_checks)


def test_the_house_is_kept_and_a_disk_that_will_be_full_is_an_error(
    home: Home, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    execute(home, "seal_days")
    left_over = pipeline.landing.path / f".{'a' * 32}"
    left_over.write_bytes(b"cut")
    monkeypatch.setattr("binance_assets.housekeeping.files.UNTOUCHED", timedelta(0))
    execute(home, "keep_house")
    monkeypatch.setattr(housekeeping, "free_bytes", lambda path: 1000)
    with pytest.raises(RunFailed, match=r"at \d+ MB a day that is enough for 0 days"):
        execute(home, "keep_house")


def test_the_manifest_is_there_after_a_refresh_without_prices_of_its_own(home: Home, pipeline: Pipeline) -> None:
    """The hourly job needs the exchange for the metadata; what follows from landing is the same as in a rebuild."""
    execute(home, "rebuild")
    manifest = json.loads((home.store("live").export / "manifest.json").read_text(encoding="utf-8"))
    assert {"fact_price_hour.parquet", "fact_price_day.parquet", "gap.parquet"} <= {
        it["name"] for it in manifest["files"]
    }
