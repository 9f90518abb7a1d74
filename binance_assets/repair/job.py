"""The job that repairs gaps, and the sensor that starts it when there are some."""

from datetime import UTC, datetime, timedelta

import dagster as dg

from binance_assets.archive.load import ArchiveInUse
from binance_assets.assets import materialized
from binance_assets.clients.budget import SPARE_SHARE
from binance_assets.mart.tables import GAP
from binance_assets.repair import repair_gaps as repair
from binance_assets.repair import what_waits
from binance_assets.resources import HomeResource
from binance_assets.runs import RUNS_BY_ITSELF
from binance_assets.warehouse import WarehouseInUse

AGAIN_AFTER = timedelta(hours=1)
"""When gaps are looked at again for which there were no candles: the archive may have the day by then."""


@dg.op(description="Brings the candles of gaps that have ended, and says in the ledger what they repair or explain.")
def repair_from_candles(context: dg.OpExecutionContext, home: HomeResource) -> None:
    """The job's only step. It takes no writer's place: most of its time it waits for the exchange."""
    store = home.store
    symbols = home.settings.repaired_symbols
    try:
        with home.exchange(share=SPARE_SHARE) as client, home.archive() as archive:
            done = repair(store, client, archive, symbols, _now())
    except ArchiveInUse as error:
        context.log.warning(f"{error} Gaps are repaired when it has finished.")
        return
    context.log.info(
        f"{done.files} files came from the archive, {done.answers} answers with {done.candles} candles from the API; "
        f"{done.waiting} spans still wait"
    )
    with store.warehouse.connect() as connection:
        told = materialized(connection, GAP, waiting_for_candles=done.waiting)
    context.log_event(dg.AssetMaterialization(GAP.asset_path, metadata=told.metadata))


@dg.job(description="Gaps that have ended, repaired from candles or explained.", executor_def=dg.in_process_executor)
def repair_gaps() -> None:
    """The repair. Its resource is that of the definitions."""
    repair_from_candles()


@dg.sensor(
    job_name="repair_gaps",
    minimum_interval_seconds=600,
    description="Has gaps repaired that have ended; where no candles are to be had yet, again after an hour.",
    default_status=dg.DefaultSensorStatus.RUNNING if RUNS_BY_ITSELF else dg.DefaultSensorStatus.STOPPED,
)
def repair_gaps_sensor(context: dg.SensorEvaluationContext, home: HomeResource) -> dg.RunRequest | dg.SkipReason:
    """Start a repair when other gaps wait for candles than last time, or the same ones after an hour."""
    warehouse = home.store.warehouse
    if not warehouse.path.exists():
        return dg.SkipReason("Nothing is collected yet.")
    unfinished = context.instance.get_runs_count(dg.RunsFilter(job_name="repair_gaps", statuses=_UNFINISHED))
    if unfinished:
        return dg.SkipReason("A repair is running.")
    now = _now()
    try:
        with warehouse.connect() as connection:
            waiting = what_waits(connection, now)
    except WarehouseInUse as error:
        return dg.SkipReason(str(error))
    if waiting is None:
        return dg.SkipReason("Every gap that has ended is repaired or explained.")
    before, _, since = (context.cursor or "").partition(" ")
    if before == waiting and now < datetime.fromisoformat(since) + AGAIN_AFTER:
        return dg.SkipReason("There are no candles yet for the gaps that wait.")
    context.update_cursor(f"{waiting} {now.isoformat()}")
    return dg.RunRequest()


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


_UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
