"""Jobs that bring history in from the archive, and what starts the daily one that keeps it growing."""

from collections.abc import Mapping
from datetime import date, timedelta

import dagster as dg
from dagster._core.storage.tags import ASSET_PARTITION_RANGE_END_TAG, ASSET_PARTITION_RANGE_START_TAG

from binance_assets.archive.assets import MONTHS, archive
from binance_assets.archive.tables import TABLES
from binance_assets.mart import tables as mart
from binance_assets.runs import RUNS_BY_ITSELF

RECHECKED = timedelta(days=62)
"""For how long files of the archive are looked at again: it replaces them without notice, young ones most of all."""

LONGEST = timedelta(days=7)
"""After which Dagster's run monitoring ends a run of these jobs: all pairs since 2017 may take days."""

_FILES_AND_CANDLES = dg.AssetSelection.assets(
    archive.key, ["landing", "long_kline"], *(table.asset_path for table in TABLES)
)
_DIMENSIONS = dg.AssetSelection.assets(
    *(table.asset_path for table in (mart.DIM_CURRENCY, mart.DIM_PAIR, mart.DIM_DATE, mart.DIM_TIME))
)
_FACTS = dg.AssetSelection.assets(
    *(table.asset_path for table in (mart.FACT_PRICE_MINUTE, mart.FACT_PRICE_HOUR, mart.FACT_PRICE_DAY)),
    *(table.asset_path for table in (mart.GAP, mart.FACT_QUALITY_DAY)),
)
_TAGS = {"dagster/max_runtime": int(LONGEST.total_seconds())}

backfill = dg.define_asset_job(
    "backfill",
    selection=_FILES_AND_CANDLES | _DIMENSIONS | _FACTS | dg.AssetSelection.groups("export"),
    description="Candles of some months from the exchange's archive, loaded, checked, exported.",
    executor_def=dg.in_process_executor,
    tags=_TAGS,
)

follow_archive = dg.define_asset_job(
    "follow_archive",
    selection=_FILES_AND_CANDLES,
    description="The newest candles of the pairs that have history, and files that the archive has replaced.",
    executor_def=dg.in_process_executor,
    tags=_TAGS,
)


@dg.schedule(
    job=follow_archive,
    cron_schedule="20 10 * * *",
    description="The archive's files of the day before, and what it has replaced of the last two months.",
    default_status=dg.DefaultScheduleStatus.RUNNING if RUNS_BY_ITSELF else dg.DefaultScheduleStatus.STOPPED,
)
def follow_archive_daily(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """Go on where the landed files end. It costs a listing for each pair, and a run's events."""
    today = context.scheduled_execution_time.date()
    since = today - RECHECKED
    return dg.RunRequest(
        tags=months_tags(since, today),
        run_config={"ops": {archive.op.name: {"config": {"followed": True, "first": since.isoformat()}}}},
    )


def months_tags(first: date, last: date) -> Mapping[str, str]:
    """The tags of a run over the months from one day to another, as a backfill of these partitions sets them."""
    first_month, last_month = (max(f"{day:%Y-%m}", f"{MONTHS.start:%Y-%m}") for day in (first, last))
    return {ASSET_PARTITION_RANGE_START_TAG: first_month, ASSET_PARTITION_RANGE_END_TAG: last_month}
