"""Keeps a home from growing where nothing is gained by it: Dagster's records, files of killed processes, disk space."""

from binance_assets.housekeeping.disk import days_left, free_bytes
from binance_assets.housekeeping.files import Swept, sweep
from binance_assets.housekeeping.records import prune_events, prune_runs, release_space

__all__ = ["Swept", "days_left", "free_bytes", "prune_events", "prune_runs", "release_space", "sweep"]
