"""The jobs that run by themselves, as Dagster runs them."""

from __future__ import annotations

import json
from datetime import timedelta

import dagster as dg
import pytest

from binance_assets.collector.minutes import bring_up_to_date
from binance_assets.core import models as core
from binance_assets.home import Home
from binance_assets.housekeeping import job as housekeeping
from binance_assets.jobs import fill_new_home
from binance_assets.raw.load import load
from binance_assets.runs import RunFailed, execute
from binance_assets.sandbox import Sandbox
from binance_assets_tests.pipeline import HOUR, NOON, PAIRS, SECOND, Pipeline, described

DAY = timedelta(days=1)


@pytest.fixture
def pipeline(home: Home) -> Pipeline:
    """Real data of three days."""
    pipeline = Pipeline(home.store("live").path)
    pipeline.land_info(PAIRS, NOON - 2 * DAY)
    for day in range(3):
        for number in range(6):
            # All are worth the same, so that what should agree does.
            prices = {pair["symbol"]: f"{number + 1}.5" if pair["quoteAsset"] == "USDT" else "1.0" for pair in PAIRS}
            pipeline.land_prices(prices, NOON - day * DAY + number * 10 * SECOND)
    pipeline.update()
    return pipeline


def materialized(home: Home, *path: str) -> dict[str, object]:
    with home.dagster_instance() as instance:
        event = instance.get_latest_materialization_event(dg.AssetKey(path))
    assert event
    assert event.asset_materialization
    return {name: value.value for name, value in event.asset_materialization.metadata.items()}


def test_days_are_sealed(home: Home, pipeline: Pipeline) -> None:
    assert execute(home, "seal_days").failed_checks == []
    told = materialized(home, "lake", "sealed_day")
    assert told["dagster/row_count"] == sum(
        rows for (rows,) in pipeline.rows("select row_count from meta.sealed_partition")
    )
    assert pipeline.rows("select count(*) from open.price_history") == [(0,)]
    assert pipeline.rows("select count(*) from core.price_history") == [(3 * 6 * len(PAIRS),)]


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


def test_the_full_refresh_makes_all_that_a_home_lacks_which_only_the_collector_has_filled(
    home: Home, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BINANCE_SOURCE", "sandbox")
    monkeypatch.setenv("BINANCE_API_URL", sandbox.url)
    monkeypatch.setenv("BINANCE_WATCH_LIST", "*")  # of all pairs it brings no candles of the last hours
    collected = Pipeline(home.store("sandbox").path, "sandbox")
    collected.land_info([described("BTCUSDT", "BTC", "USDT")], NOON - DAY)
    for number in range(3):
        collected.land_prices({"BTCUSDT": f"{number + 1}.5"}, NOON + number * HOUR)
    with collected.warehouse.connect() as connection:
        load(connection, collected.landing)
        core.load_currencies(connection)
        core.load_pairs(connection)
        core.load_pair_history(connection)
        bring_up_to_date(connection, collected.landing, 300)
    execute(home, "refresh_all")
    manifest = json.loads((home.store("sandbox").export / "manifest.json").read_text(encoding="utf-8"))
    rows = {file["name"]: file["rows"] for file in manifest["files"]}
    assert rows["fact_price_hour.parquet"] == 3
    assert rows["fact_price_latest.parquet"] == 1
    assert rows["dim_pair.parquet"] > 3000


def test_a_new_home_is_filled_once_its_first_minute_is_closed(home: Home) -> None:
    def tick(instance: dg.DagsterInstance) -> dg.RunRequest | dg.SkipReason:
        found = fill_new_home(dg.build_sensor_context(instance))
        assert isinstance(found, dg.RunRequest | dg.SkipReason)
        return found

    with home.dagster_instance() as instance:
        assert isinstance(tick(instance), dg.SkipReason), "nothing is collected yet"
        instance.report_runless_asset_event(dg.AssetMaterialization(["mart", "fact_price_minute"]))
        first = tick(instance)
        assert isinstance(first, dg.RunRequest)
        assert first.run_key, "a run that fails is not started again every minute"
        instance.report_runless_asset_event(dg.AssetMaterialization(["export", "parquet"]))
        assert isinstance(tick(instance), dg.SkipReason)
