"""The collector: samples the whole market on a steady grid, and closes each minute as it ends."""

from binance_assets.collector.collect import Collector, CollectorRuns, running_process
from binance_assets.collector.minutes import Minute

__all__ = ["Collector", "CollectorRuns", "Minute", "running_process"]
