"""What is old goes, what the UI shows stays, and the space comes back."""

import os
import sqlite3
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from binance_assets.home import Home
from binance_assets.housekeeping import days_left, free_bytes, prune_events, prune_runs, release_space, sweep

MINUTELY, OTHER = dg.AssetKey(["raw", "ticker_price"]), dg.AssetKey(["mart", "dim_pair"])


def now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


def materialize(instance: dg.DagsterInstance, asset: dg.AssetKey, minute: int) -> None:
    instance.report_runless_asset_event(
        dg.AssetMaterialization(asset, metadata={"minute": minute}, tags={"dagster/data_version": str(minute)})
    )


def minutes(instance: dg.DagsterInstance, asset: dg.AssetKey) -> list[object]:
    records = instance.fetch_materializations(asset, limit=1000).records
    return [record.asset_materialization.metadata["minute"].value for record in records if record.asset_materialization]


def rows(home: Home, file: str, query: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(home.dagster / file)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def test_old_materializations_go_and_the_newest_of_each_asset_stays(home: Home) -> None:
    with home.dagster_instance() as instance:
        for minute in range(3):
            materialize(instance, MINUTELY, minute)
            materialize(instance, OTHER, minute)
        between = now()
        materialize(instance, OTHER, 3)
        assert prune_events(instance, [MINUTELY], between) == 2
        assert minutes(instance, MINUTELY) == [2]
        assert minutes(instance, OTHER) == [3, 2, 1, 0]
        assert prune_events(instance, [MINUTELY, OTHER], between) == 3
        assert minutes(instance, OTHER) == [3]

        event = instance.get_latest_materialization_event(MINUTELY)
        assert event is not None
        assert event.asset_materialization is not None
        assert event.asset_materialization.metadata["minute"].value == 2
        assert set(instance.all_asset_keys()) >= {MINUTELY, OTHER}
    tagged = rows(home, "event_log.db", "select count(*) from asset_event_tags where event_id not in "
                                        "(select id from event_logs)")  # fmt: skip
    assert tagged == [(0,)]


def test_what_is_newer_than_the_limit_stays(home: Home) -> None:
    with home.dagster_instance() as instance:
        limit = now()
        for minute in range(3):
            materialize(instance, MINUTELY, minute)
        assert prune_events(instance, [MINUTELY], limit) == 0
        assert minutes(instance, MINUTELY) == [2, 1, 0]


@dg.asset
def prices(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
    if context.run.tags.get("fails"):
        raise ValueError("no prices")
    return dg.MaterializeResult(metadata={"minute": 1})


@dg.asset_check(asset=prices)
def is_right(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=True)


def run(instance: dg.DagsterInstance, job: str, **tags: str) -> str:
    definitions = dg.Definitions(
        [prices], asset_checks=[is_right], jobs=[dg.define_asset_job("hourly"), dg.define_asset_job("daily")]
    )
    quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    return (
        definitions.resolve_job_def(job)
        .execute_in_process(run_config=quiet, instance=instance, tags={"job": job, **tags}, raise_on_error=False)
        .run_id
    )


def test_old_runs_go_with_all_that_they_wrote(home: Home) -> None:
    with home.dagster_instance() as instance:
        old = [run(instance, "hourly"), run(instance, "hourly")]
        of_another_job = run(instance, "daily")
        between = now()
        running = instance.create_run_for_job(_job, status=dg.DagsterRunStatus.STARTED).run_id
        newest = run(instance, "hourly")
        assert prune_runs(instance, between) == 2
        assert set(instance.get_run_ids()) == {of_another_job, running, newest}
        assert instance.all_logs(newest)
    for file, table in [
        ("event_log.db", "event_logs"),
        ("event_log.db", "asset_check_executions"),
        ("history/runs.db", "run_tags"),
    ]:
        left = rows(home, file, f"select distinct run_id from {table}")
        assert not {(run_id,) for run_id in old} & set(left), table
        assert left, table


def test_a_run_stays_while_it_holds_the_newest_of_an_asset(home: Home) -> None:
    with home.dagster_instance() as instance:
        succeeded = run(instance, "hourly")
        failed = run(instance, "hourly", fails="yes")
        newest = run(instance, "hourly", fails="yes")
        assert prune_runs(instance, now()) == 1
        assert set(instance.get_run_ids()) == {succeeded, newest}
        assert failed not in instance.get_run_ids()
        assert minutes(instance, dg.AssetKey("prices")) == [1]


def test_deleted_records_give_their_space_back(home: Home) -> None:
    file = home.path / "dagster" / "event_log.db"
    with home.dagster_instance() as instance:
        for minute in range(200):
            instance.report_runless_asset_event(
                dg.AssetMaterialization(MINUTELY, metadata={"minute": minute, "text": "x" * 4000})
            )
        full = file.stat().st_size
        assert release_space(instance) == 0, "nothing was deleted yet"
        prune_events(instance, [MINUTELY], now())
        released = release_space(instance)
        assert released > full / 2
        assert file.stat().st_size == full - released
        assert minutes(instance, MINUTELY) == [199]


def old(path: Path, hours: float = 2) -> Path:
    at = time.time() - hours * 3600
    os.utime(path, (at, at))
    return path


def test_what_killed_processes_left_is_swept_and_nothing_else(tmp_path: Path) -> None:
    name = "0123456789abcdef" * 2
    kept = [".lock", ".newest", ".newest.lock", "manifest.json", "fact_price.parquet", f"{name}.parquet", ".gitkeep"]
    left = [f".{name}", ".newest.tmp", ".manifest.json.tmp"]
    for file in [*kept, *left]:
        (tmp_path / file).write_text("four", encoding="utf-8")
        old(tmp_path / file)
    staging = tmp_path / f".{name[::-1]}"
    staging.mkdir()
    (staging / "dim_pair.parquet").write_text("four", encoding="utf-8")
    old(staging / "dim_pair.parquet")
    old(staging)
    swept = sweep([tmp_path, tmp_path / "not there"])
    assert (swept.entries, swept.bytes) == (4, 16)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(kept)


@pytest.mark.parametrize("young", ["the file", "a file within"])
def test_what_may_still_be_written_is_left(tmp_path: Path, young: str) -> None:
    entry = tmp_path / ".dim_pair.parquet.tmp"
    if young == "the file":
        entry.write_text("", encoding="utf-8")
    else:
        entry.mkdir()
        (entry / "part").write_text("", encoding="utf-8")
        old(entry)
    assert sweep([tmp_path]).entries == 0
    assert entry.exists()


def test_days_left_at_the_measured_growth() -> None:
    assert days_left(1_000, 100, timedelta(hours=12)) == 5
    assert days_left(1_000, 0, timedelta(days=1)) is None
    assert days_left(1_000, -5, timedelta(days=1)) is None
    assert days_left(1_000, 5, timedelta(0)) is None


def test_free_bytes_of_a_home_that_is_not_there_yet(tmp_path: Path) -> None:
    assert free_bytes(tmp_path / "not" / "yet") == pytest.approx(free_bytes(tmp_path), rel=0.05)


@dg.job
def _job() -> None:
    pass
