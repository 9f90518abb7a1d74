"""The collector under Dagster: a job whose runs are shifts of hours, and a sensor that keeps one of them alive."""

import os
import time
from datetime import timedelta

import dagster as dg

from binance_assets.assets import label
from binance_assets.collector.collect import Collector, running_process
from binance_assets.collector.minutes import Minute
from binance_assets.landing import Capture, MissedSample
from binance_assets.resources import HomeResource
from binance_assets.runs import RUNS_BY_ITSELF, mark_process, release_dead_runs

SHIFT = timedelta(hours=6)
"""After which the next shift takes over: an upgrade, a new setting, or a leak of memory waits no longer than this."""

LONGEST = timedelta(hours=8)
"""After which Dagster's run monitoring ends a shift."""

STARTING = timedelta(minutes=2)
"""How long a run may take until it samples."""


@dg.op(description="Samples the whole market, lands and closes each minute, until the next shift takes over.")
def sample_the_market(context: dg.OpExecutionContext, home: HomeResource) -> None:
    """One shift.

    What it makes is reported without a run: that costs half of what an event of this run would cost.
    """
    mark_process(context.instance, context.run_id)
    store = home.store
    parent = os.getppid()

    def report(minute: Minute) -> None:
        for table in minute.tables:
            context.instance.report_runless_asset_event(
                dg.AssetMaterialization(
                    table.asset_path,
                    metadata={
                        "dagster/row_count": minute.row_counts[table.name],
                        "lag_seconds": round(minute.lag_seconds, 3),
                        "coverage": round(minute.coverage, 4),
                        "used_weight": minute.used_weight,
                        "source": label(store.source),
                    },
                )
            )

    def look_round(sample: Capture | MissedSample) -> None:
        """Stop when the process that started this run is gone: nobody would stop it later."""
        if os.getppid() != parent:
            raise dg.Failure("The process that started this shift is gone. The next one is started by the sensor.")

    collector = Collector(
        home.home, store, home.settings, on_minute=report, on_sample=look_round, on_trouble=context.log.error
    )
    collector.collect(take_over=True)


@dg.job(
    description="A shift of the collector. The sensor keep_collecting starts the next one.",
    executor_def=dg.in_process_executor,
    tags={"dagster/max_runtime": int(LONGEST.total_seconds()), "dagster/max_retries": "0"},
)
def collect() -> None:
    """The shift's only step. Its resource is that of the definitions."""
    sample_the_market()


@dg.sensor(
    job_name="collect",  # by name: for a sensor with a job object Dagster warns of a beta parameter of its own
    minimum_interval_seconds=30,
    description="Keeps exactly one collector alive.",
    default_status=dg.DefaultSensorStatus.RUNNING if RUNS_BY_ITSELF else dg.DefaultSensorStatus.STOPPED,
)
def keep_collecting(context: dg.SensorEvaluationContext, home: HomeResource) -> dg.RunRequest | dg.SkipReason:
    """Start a shift where nobody collects, or where the running one is to be relieved."""
    release_dead_runs(context.instance)
    shifts = context.instance.get_run_records(dg.RunsFilter(job_name=collect.name, statuses=list(_UNFINISHED)))
    youngest = min((timedelta(seconds=time.time() - it.create_timestamp.timestamp()) for it in shifts), default=None)
    process = running_process(home.store)
    if youngest is not None and youngest < STARTING:
        return dg.SkipReason("A shift is starting.")
    if process is None:
        for record in shifts:  # they have had their time to start, and do not sample
            context.instance.report_run_canceled(record.dagster_run, "This shift samples nothing; another one begins.")
        return dg.RunRequest()
    if youngest is not None and youngest > SHIFT:
        return dg.RunRequest()
    return dg.SkipReason(f"Process {process} collects.")


_UNFINISHED = (
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
)
