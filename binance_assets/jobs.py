"""Jobs, and what starts them. Every job runs its steps in one process, and one step at a time writes the warehouse."""

from typing import Any

import dagster as dg

from binance_assets.archive.jobs import backfill, follow_archive, follow_archive_daily
from binance_assets.collector.shifts import collect
from binance_assets.core import tables as core
from binance_assets.housekeeping.job import keep_house
from binance_assets.landing.assets import ANSWERED
from binance_assets.mart import tables as mart
from binance_assets.raw import tables as raw
from binance_assets.repair.job import repair_gaps
from binance_assets.runs import RUNS_BY_ITSELF

_DERIVED = dg.AssetSelection.key_prefixes(["raw"], ["core"], ["mart"])
_EXPORT = dg.AssetSelection.groups("export")
_METADATA = dg.AssetSelection.assets(["landing", "exchange_info"], ["landing", "coinmarketcap"])
_PRICES = dg.AssetSelection.assets(["landing", "ticker_price"])
_CANDLES = dg.AssetSelection.assets(["landing", "kline"], ["landing", "long_kline"])
_IMPORTED = dg.AssetSelection.assets(["landing", "imported_file"])

# What follows from the exchange's metadata. The collector keeps all facts up itself.
_DESCRIBED = dg.AssetSelection.assets(
    ["landing", "exchange_info"],
    *(
        table.asset_path
        for table in (
            raw.CAPTURE,
            raw.EXCHANGE_INFO,
            raw.SYMBOL,
            raw.QUARANTINE,
            core.CURRENCY,
            core.PAIR,
            core.PAIR_HISTORY,
            mart.DIM_CURRENCY,
            mart.DIM_PAIR,
            mart.DIM_PAIR_HISTORY,
            mart.DIM_DATE,
        )
    ),
)

run_once = dg.define_asset_job(
    "run_once",
    selection=_METADATA | _PRICES | _CANDLES | _DERIVED | _EXPORT,
    description="Everything once: metadata, one minute of prices, the last hours' candles, all tables, checks, export.",
    executor_def=dg.in_process_executor,
)

# Each hour's record in Dagster's event log is to be small: what seldom changes is made again with all the rest.
refresh = dg.define_asset_job(
    "refresh",
    selection=_DESCRIBED | _EXPORT,
    description="The exchange's metadata, what follows from it, the checks of that, export.",
    executor_def=dg.in_process_executor,
)

refresh_all = dg.define_asset_job(
    "refresh_all",
    selection=_METADATA | _CANDLES | _DERIVED | _EXPORT,
    description="Metadata, categories, the last hours' candles, every table and every check, export.",
    executor_def=dg.in_process_executor,
)

check_all = dg.define_asset_job(
    "check_all",
    # The check of what was asked is a part of asking.
    selection=dg.AssetSelection.all_asset_checks() - dg.AssetSelection.checks(ANSWERED.key),
    description="Every check of every table as it is.",
    executor_def=dg.in_process_executor,
)

seal_days = dg.define_asset_job(
    "seal_days",
    selection=dg.AssetSelection.groups("lake"),
    description="Moves the days that are over into the lake, and drops landing files that have been kept long enough.",
    executor_def=dg.in_process_executor,
)

import_files = dg.define_asset_job(
    "import_files",
    selection=_IMPORTED | _DERIVED | _EXPORT,
    description="Files that a user brings, into the home's real data; all tables, checks, export.",
    executor_def=dg.in_process_executor,
)

rebuild = dg.define_asset_job(
    "rebuild",
    selection=_DERIVED | _EXPORT,
    description="Throws the warehouse away and makes the same one again from the landing files.",
    config={"ops": {"load_landing": {"config": {"rebuild": True}}}},
    executor_def=dg.in_process_executor,
)

JOBS: list[dg.JobDefinition | Any] = [
    collect,
    run_once,
    refresh,
    refresh_all,
    check_all,
    seal_days,
    keep_house,
    import_files,
    rebuild,
    repair_gaps,
    backfill,
    follow_archive,
]


def _schedule(name: str, job: Any, cron_schedule: str, description: str) -> dg.ScheduleDefinition:
    status = dg.DefaultScheduleStatus.RUNNING if RUNS_BY_ITSELF else dg.DefaultScheduleStatus.STOPPED
    return dg.ScheduleDefinition(
        name=name, job=job, cron_schedule=cron_schedule, description=description, default_status=status
    )


SCHEDULES = [
    _schedule("refresh_hourly", refresh, "7 * * * *", "Metadata and export every hour."),
    _schedule("refresh_all_six_hourly", refresh_all, "25 3,9,15,21 * * *", "Categories, every table, every check."),
    _schedule("seal_daily", seal_days, "40 12 * * *", "The day before, half a day after its end."),
    _schedule(
        "keep_house_daily", keep_house, "50 3 * * *", "Old records and left-over files go; free space is checked."
    ),
    follow_archive_daily,
]


@dg.sensor(
    job_name="refresh_all",
    minimum_interval_seconds=60,
    description="Fills a new home as soon as its first minute is closed, instead of at the next full run of the hour.",
    default_status=dg.DefaultSensorStatus.RUNNING if RUNS_BY_ITSELF else dg.DefaultSensorStatus.STOPPED,
)
def fill_new_home(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """Start the job once in the life of a home; afterwards its schedule does."""
    if context.instance.get_latest_materialization_event(_PUBLISHED):
        return dg.SkipReason("This home has been filled.")
    if not context.instance.get_latest_materialization_event(dg.AssetKey(mart.FACT_PRICE_MINUTE.asset_path)):
        return dg.SkipReason("No minute is closed yet.")
    return dg.RunRequest(run_key="first")


_PUBLISHED = dg.AssetKey(["export", "parquet"])
