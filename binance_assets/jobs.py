"""Jobs and schedules. Every job runs its steps in one process, and one step at a time writes the warehouse."""

import dagster as dg

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

refresh_metadata = dg.define_asset_job(
    "refresh_metadata",
    selection=_METADATA | _DERIVED | _EXPORT,
    description="The exchange's metadata, all tables, checks, export.",
    executor_def=dg.in_process_executor,
)

sample_minute = dg.define_asset_job(
    "sample_minute",
    selection=_PRICES | _DERIVED,
    description="One minute of prices, all tables, checks.",
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

JOBS = [run_once, refresh_metadata, sample_minute, import_files, rebuild]

SCHEDULES = [
    dg.ScheduleDefinition(
        name="metadata_hourly",
        job=refresh_metadata,
        cron_schedule="7 * * * *",
        description="Metadata and export every hour. Off until switched on.",
    ),
    dg.ScheduleDefinition(
        name="prices_every_minute",
        job=sample_minute,
        cron_schedule="* * * * *",
        description="A run that samples one minute, every minute. Off until switched on.",
    ),
]
