"""A run that is gone gives the writer's place back, at whatever moment it went."""

import dagster as dg
import pytest

from binance_assets.assets import WRITER_POOL
from binance_assets.home import Home
from binance_assets.runs import PROCESS_TAG, release_dead_runs

GONE = "999999999@1.0"


@pytest.mark.parametrize(
    ("status", "process"),
    [(dg.DagsterRunStatus.STARTED, GONE), (dg.DagsterRunStatus.FAILURE, GONE), (dg.DagsterRunStatus.SUCCESS, None)],
    ids=["killed", "killed while it was being ended", "ended by the daemon"],
)
def test_the_place_of_a_run_that_is_gone_is_freed(home: Home, status: dg.DagsterRunStatus, process: str | None) -> None:
    with home.dagster_instance() as instance:
        tags = {PROCESS_TAG: process} if process else {}
        run = instance.create_run_for_job(_job, status=status, tags=tags)
        storage = instance.event_log_storage
        storage.initialize_concurrency_limit_to_default(WRITER_POOL)
        assert storage.claim_concurrency_slot(WRITER_POOL, run.run_id, "step").is_claimed
        release_dead_runs(instance)
        ended = instance.get_run_by_id(run.run_id)
        assert ended is not None
        assert ended.is_finished
        assert storage.claim_concurrency_slot(WRITER_POOL, "another", "step").is_claimed


@dg.job
def _job() -> None:
    pass
