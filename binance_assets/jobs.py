"""Jobs and schedules. Every job runs its steps in one process, and one step at a time writes the warehouse."""

from typing import Any

import dagster as dg

from binance_assets.collector.shifts import collect

_DERIVED = dg.AssetSelection.groups("raw", "core", "mart")
_EXPORT = dg.AssetSelection.groups("export")
_METADATA = dg.AssetSelection.assets(["landing", "exchange_info"])
_PRICES = dg.AssetSelection.assets(["landing", "ticker_price"])
_IMPORTED = dg.AssetSelection.assets(["landing", "imported_file"])

run_once = dg.define_asset_job(
    "run_once",
    selection=_METADATA | _PRICES | _DERIVED | _EXPORT,
    description="Everything once: metadata, one minute of prices, all tables, checks, export.",
    executor_def=dg.in_process_executor,
)

refresh = dg.define_asset_job(
    "refresh",
    selection=_METADATA | _DERIVED | _EXPORT,
    description="The exchange's metadata, all tables, checks, export.",
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

JOBS: list[dg.JobDefinition | Any] = [collect, run_once, refresh, seal_days, import_files, rebuild]

SCHEDULES = [
    dg.ScheduleDefinition(
        name="refresh_hourly",
        job=refresh,
        cron_schedule="7 * * * *",
        description="Metadata, checks and export every hour. Off until switched on.",
    ),
    dg.ScheduleDefinition(
        name="seal_daily",
        job=seal_days,
        cron_schedule="40 12 * * *",
        description="The day before, half a day after its end, when nothing late can change it. Off until switched on.",
    ),
]
