"""Brings the days that no file of the archive has: from the exchange's API, as far as that has not been asked yet."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Any

from binance_assets.archive.onlooker import Onlooker
from binance_assets.archive.rest import load_rest_candles
from binance_assets.clients import BinanceClient
from binance_assets.home import Store
from binance_assets.landing.archive import Span
from binance_assets.landing.klines import Brought, CandleSpan, bring_candles
from binance_assets.raw.load import load
from binance_assets.warehouse import Connection

_MINUTE = timedelta(minutes=1)


def unasked_days(store: Store, days: Iterable[Span]) -> list[CandleSpan]:
    """The minutes of some days that the API has not answered for yet; what was landed before a kill is loaded first.

    It is not asked again for those that it had no candles of, nor for pairs that are not listed any more.
    """
    with store.warehouse.connect() as connection:
        load(connection, store.landing)
        load_rest_candles(connection, store.landing)
        rows = connection.rows("archive/unasked_days.sql", **_by_column(days))
    return [CandleSpan(*row) for row in rows]


def ask_for_days(store: Store, client: BinanceClient, spans: Sequence[CandleSpan], onlooker: Onlooker) -> Brought:
    """Land the candles of some minutes. The next load of the archive puts them into their months.

    Args:
        store: Where to.
        client: Of the store's exchange, one that leaves request weight to the collector.
        spans: By :func:`unasked_days`.
        onlooker: Is told how far it is.

    Raises:
        ExchangeError: The exchange cannot be reached, or does not want to; what was landed by then stays.
    """
    minutes = sum((span.last - span.first) // _MINUTE + 1 for span in spans)
    with onlooker.asking(minutes) as on_minutes:
        return bring_candles(
            client,
            store.landing,
            store.source,
            spans,
            on_answer=lambda answered: on_minutes((answered.last - answered.first) // _MINUTE + 1),
        )


def days_by_origin(connection: Connection, days: Iterable[Span]) -> list[dict[str, Any]]:
    """Days that no file brings, with the candles that the API has given of them; those without any by themselves."""
    return connection.records("archive/history_days.sql", **_by_column(days))


def _by_column(days: Iterable[Span]) -> dict[str, list[str] | list[date]]:
    rows = list(days)
    return {
        "symbols": [row.symbol for row in rows],
        "first_days": [row.first for row in rows],
        "last_days": [row.last for row in rows],
    }
