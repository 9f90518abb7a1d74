"""What Dagster loads: all assets, checks, jobs and schedules, and the doors to the home."""

import dagster as dg

from binance_assets import checks, jobs
from binance_assets.archive import assets as archive
from binance_assets.archive.onlooker import Onlooker
from binance_assets.collector.shifts import keep_collecting
from binance_assets.core import assets as core
from binance_assets.dashboard import assets as dashboard
from binance_assets.export import assets as export
from binance_assets.lake import assets as lake
from binance_assets.landing import assets as landing
from binance_assets.mart import assets as mart
from binance_assets.raw import assets as raw
from binance_assets.repair.job import repair_gaps_sensor
from binance_assets.report import assets as report
from binance_assets.resources import HomeResource
from binance_assets.settings import load_settings
from binance_assets.warehouse.io_manager import WarehouseIOManager

load_settings()  # a setting that makes no sense is refused when Dagster starts, not in the first run

defs = dg.Definitions(
    assets=dg.load_assets_from_modules([landing, raw, core, archive, mart, lake, export, dashboard, report]),
    asset_checks=list(checks.all_checks()),
    jobs=jobs.JOBS,
    schedules=jobs.SCHEDULES,
    sensors=[keep_collecting, repair_gaps_sensor, jobs.fill_new_home],
    resources={"home": HomeResource(), "warehouse_io_manager": WarehouseIOManager(), "onlooker": Onlooker()},
    executor=dg.in_process_executor,
)
