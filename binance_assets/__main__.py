"""``python -m binance_assets`` is the same as ``binance-assets``."""

from binance_assets.cli import main

main()
