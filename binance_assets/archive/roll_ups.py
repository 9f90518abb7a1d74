"""Compares the exchange's own candles of hours and days with what its one-minute candles roll up to."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from binance_assets.warehouse import Connection


def differing_roll_ups(connection: Connection, symbol: str, candles: Sequence[Sequence[Any]]) -> list[dict[str, Any]]:
    """Find the candles of a longer interval that the one-minute candles do not roll up to, to the last digit.

    Args:
        connection: To a warehouse that has the one-minute candles of their time.
        symbol: The pair.
        candles: Of an hour, a day, or any other interval that is over, as ``klines`` answers: lists of twelve elements.

    Returns:
        For each that differs: ``symbol``, ``opened_at``, ``closed_at``, ``of_exchange`` and ``rolled_up``, which
        is None where there is no candle of a minute in it.
    """
    query = "archive/checks/rolled_up_candles.sql"
    return connection.records(query, symbol=symbol, candles=json.dumps(candles))
