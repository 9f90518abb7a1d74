"""A simulated exchange, for where the real one is not reachable and for tests. Nothing in it is real."""

from binance_assets.sandbox.archive_defects import Defect
from binance_assets.sandbox.faults import Fault
from binance_assets.sandbox.server import Sandbox

__all__ = ["Defect", "Fault", "Sandbox"]
