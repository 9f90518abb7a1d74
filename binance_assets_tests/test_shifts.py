"""The sensor that keeps exactly one collector alive."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from types import SimpleNamespace

import dagster as dg
import pytest
from filelock import FileLock

from binance_assets.collector import shifts
from binance_assets.home import Home
from binance_assets.resources import HomeResource
from binance_assets.runs import PROCESS_TAG, mark_process

GONE = "999999999@1.0"

Status = dg.DagsterRunStatus


@pytest.fixture
def instance(home: Home) -> Iterator[dg.DagsterInstance]:
    with home.dagster_instance() as instance:
        yield instance


@contextmanager
def collecting(home: Home) -> Iterator[None]:
    """This process as one that collects."""
    store = home.store("live")
    store.path.mkdir(parents=True, exist_ok=True)
    (store.path / "collector.pid").write_text(str(os.getpid()))
    with FileLock(store.path / "sampling.lock"):
        yield


def tick(instance: dg.DagsterInstance) -> dg.RunRequest | dg.SkipReason:
    context = dg.build_sensor_context(instance, resources={"home": HomeResource()})
    result = shifts.keep_collecting(context)
    assert isinstance(result, dg.RunRequest | dg.SkipReason)
    return result


def status_of(instance: dg.DagsterInstance, run: dg.DagsterRun) -> Status:
    found = instance.get_run_by_id(run.run_id)
    assert found
    return found.status


def pass_time(monkeypatch: pytest.MonkeyPatch, passed: timedelta) -> None:
    now = shifts.time.time() + passed.total_seconds()
    monkeypatch.setattr(shifts, "time", SimpleNamespace(time=lambda: now))


def test_where_nobody_collects_a_shift_is_started(instance: dg.DagsterInstance) -> None:
    assert isinstance(tick(instance), dg.RunRequest)


def test_a_shift_that_was_killed_is_ended_and_followed_by_another(home: Home, instance: dg.DagsterInstance) -> None:
    """Its lock is free and its name still stands there."""
    with collecting(home):
        pass
    run = instance.create_run_for_job(shifts.collect, status=Status.STARTED, tags={PROCESS_TAG: GONE})
    assert isinstance(tick(instance), dg.RunRequest)
    assert status_of(instance, run) is Status.FAILURE


@pytest.mark.parametrize("status", [Status.NOT_STARTED, Status.STARTING, Status.STARTED])
def test_a_shift_that_is_starting_is_waited_for(instance: dg.DagsterInstance, status: Status) -> None:
    instance.create_run_for_job(shifts.collect, status=status)
    assert isinstance(tick(instance), dg.SkipReason)


def test_a_shift_that_never_began_to_sample_is_ended_and_followed_by_another(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = instance.create_run_for_job(shifts.collect, status=Status.STARTED)
    pass_time(monkeypatch, shifts.STARTING)
    assert isinstance(tick(instance), dg.RunRequest)
    assert status_of(instance, run) is Status.CANCELED


def test_a_shift_that_samples_is_left_to_its_work_and_relieved_in_time(
    home: Home, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = instance.create_run_for_job(shifts.collect, status=Status.STARTED)
    mark_process(instance, run.run_id)
    with collecting(home):
        pass_time(monkeypatch, shifts.SHIFT - timedelta(minutes=1))
        result = tick(instance)
        assert isinstance(result, dg.SkipReason)
        assert str(os.getpid()) in (result.skip_message or "")
        pass_time(monkeypatch, timedelta(minutes=2))
        assert isinstance(tick(instance), dg.RunRequest)
    assert status_of(instance, run) is Status.STARTED, "it hands over by itself"


def test_a_collector_that_somebody_started_by_hand_is_left_to_its_work(
    home: Home, instance: dg.DagsterInstance
) -> None:
    with collecting(home):
        assert isinstance(tick(instance), dg.SkipReason)
