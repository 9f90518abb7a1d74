"""The command line."""

from binance_assets.cli.app import app, main

__all__ = ["app", "main"]
