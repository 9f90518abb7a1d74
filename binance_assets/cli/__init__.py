"""The command line."""

from binance_assets.cli.app import app

__all__ = ["app"]
