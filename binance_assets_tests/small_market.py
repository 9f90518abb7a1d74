"""A sandbox exchange that lists little, for tests in which it is asked very often."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from unittest import mock

from binance_assets.sandbox import Sandbox
from binance_assets.sandbox.catalogue import Catalogue, catalogue
from binance_assets.sandbox.exchange import Exchange
from binance_assets.sandbox.market import DEFAULT_SEED, Market


class SmallSandbox(Sandbox):
    """The sandbox with BTCUSDT and a few more pairs, some of them halted."""

    def __init__(self, clock: Callable[[], int] | None = None, weight_limit: int = 6000) -> None:
        super().__init__(clock=clock, weight_limit=weight_limit)
        self._exchange = Exchange(small_market(), weight_limit)


@cache
def small_market() -> Market:
    """Every 200th pair of the sandbox's market, and BTCUSDT."""
    currencies, pairs = catalogue(DEFAULT_SEED)
    chosen = tuple(pair for place, pair in enumerate(pairs) if place % 200 == 0 or pair.symbol == "BTCUSDT")
    with mock.patch("binance_assets.sandbox.market.catalogue", return_value=Catalogue(currencies, chosen)):
        return Market(DEFAULT_SEED)
