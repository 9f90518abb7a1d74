"""Keeps Dagster's own records small: old materializations, old runs, and the space that they took.

Dagster has functions that delete a whole run or a whole asset, none that deletes the old events of an asset. Those work
on the tables of its event log here, in the statements that its own storage uses.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import cast

import dagster as dg
import sqlalchemy as db
from dagster._core.storage.dagster_run import FINISHED_STATUSES
from dagster._core.storage.event_log.schema import (
    AssetCheckExecutionsTable,
    AssetEventTagsTable,
    SqlEventLogStorageTable,
)
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage
from dagster._core.storage.runs.schema import RunsTable, RunTagsTable
from dagster._core.storage.runs.sql_run_storage import SqlRunStorage
from dagster._core.storage.schedules.sql_schedule_storage import SqlScheduleStorage

_Connect = Callable[[], AbstractContextManager[db.Connection]]

_RUNS = RunsTable.c
_EVENTS = SqlEventLogStorageTable.c
_CHECKS = AssetCheckExecutionsTable.c
_MATERIALIZED = _EVENTS.dagster_event_type == dg.DagsterEventType.ASSET_MATERIALIZATION.value

WORTH_RELEASING = 0.25
"""The part of a file that must be empty before it is written anew; less than that is soon filled again."""


def prune_events(instance: dg.DagsterInstance, assets: Collection[dg.AssetKey], before: datetime) -> int:
    """Delete the materializations of these assets that are older than an instant, the newest of each excepted.

    Args:
        instance: The Dagster instance.
        assets: Whose materializations.
        before: Naive UTC.

    Returns:
        How many were deleted.
    """
    ours = db.and_(_MATERIALIZED, _EVENTS.asset_key.in_([key.to_string() for key in assets]))
    newest = db.select(db.func.max(_EVENTS.id)).where(ours).group_by(_EVENTS.asset_key)
    old = db.select(_EVENTS.id).where(ours, _EVENTS.timestamp < before, _EVENTS.id.not_in(newest))
    with _event_log(instance)() as connection:
        connection.execute(AssetEventTagsTable.delete().where(AssetEventTagsTable.c.event_id.in_(old)))
        deleted = connection.execute(SqlEventLogStorageTable.delete().where(_EVENTS.id.in_(old)))
        return int(deleted.rowcount)


def prune_runs(instance: dg.DagsterInstance, before: datetime) -> int:
    """Delete the runs that ended before an instant, with all they wrote to the log.

    The newest run of each job stays, and so do runs that hold the newest materialization of an asset or the newest
    result of a check: the UI shows those, however old they are.

    Args:
        instance: The Dagster instance.
        before: Naive UTC.

    Returns:
        How many were deleted.
    """
    ended = dg.RunsFilter(statuses=list(FINISHED_STATUSES), updated_before=before.replace(tzinfo=UTC))
    shown = _shown_runs(instance)
    old = [run_id for run_id in instance.get_run_ids(ended) if run_id not in shown]
    # Dagster leaves these two behind. They go first: a kill in between leaves runs that are found again.
    with _event_log(instance)() as connection:
        connection.execute(AssetCheckExecutionsTable.delete().where(_CHECKS.run_id.in_(old)))
    with _runs(instance)() as connection:
        connection.execute(RunTagsTable.delete().where(RunTagsTable.c.run_id.in_(old)))
    for run_id in old:
        instance.delete_run(run_id)
    return len(old)


def release_space(instance: dg.DagsterInstance) -> int:
    """Give the space of deleted records back to the file system, file by file, where it is worth it.

    Writers of a file wait while it is written anew, readers do not. Needs as much free space as the file has in use.

    Returns:
        Bytes given back. A database server does this by itself.
    """
    return sum(_vacuum(connect) for connect in (_event_log(instance), _runs(instance), _ticks(instance)))


def _vacuum(connect: _Connect) -> int:
    with connect() as connection:
        if connection.dialect.name != "sqlite":
            return 0
        pages, empty, page_size = (
            int(connection.execute(db.text(f"pragma {name}")).scalar_one())
            for name in ("page_count", "freelist_count", "page_size")
        )
        if empty < pages * WORTH_RELEASING:
            return 0
        connection.execute(db.text("vacuum"))
        return empty * page_size


def _shown_runs(instance: dg.DagsterInstance) -> set[str]:
    """The newest run of each job, and the runs with the newest of each asset and each check."""
    of_jobs = db.select(db.func.max(_RUNS.id)).group_by(_RUNS.pipeline_name)
    of_assets = db.select(db.func.max(_EVENTS.id)).where(_MATERIALIZED).group_by(_EVENTS.asset_key)
    of_checks = (
        db.select(db.func.max(_CHECKS.id))
        .where(_CHECKS.evaluation_event_storage_id.is_not(None))
        .group_by(_CHECKS.asset_key, _CHECKS.check_name)
    )
    with _runs(instance)() as connection:
        shown = set(connection.execute(db.select(_RUNS.run_id).where(_RUNS.id.in_(of_jobs))).scalars())
    with _event_log(instance)() as connection:
        shown.update(connection.execute(db.select(_EVENTS.run_id).where(_EVENTS.id.in_(of_assets))).scalars())
        shown.update(connection.execute(db.select(_CHECKS.run_id).where(_CHECKS.id.in_(of_checks))).scalars())
    return shown


def _event_log(instance: dg.DagsterInstance) -> _Connect:
    return cast(SqlEventLogStorage, instance.event_log_storage).index_connection


def _runs(instance: dg.DagsterInstance) -> _Connect:
    return cast(SqlRunStorage, instance.run_storage).connect


def _ticks(instance: dg.DagsterInstance) -> _Connect:
    return cast(SqlScheduleStorage, instance.schedule_storage).connect
