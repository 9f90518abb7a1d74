"""Candles from the exchange's API: asked page by page, and landed as received.

What was asked is in the endpoint of each capture, ``klines/BTCUSDT/20240301T0000/20240301T0639``: the pair, the first
minute and the last. So an answer also tells which minutes the exchange does not have.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import NamedTuple

from binance_assets.clients import BinanceClient, ExchangeError
from binance_assets.clients.errors import BadRequest
from binance_assets.landing import Capture, Landing
from binance_assets.landing.sampling import capture_of
from binance_assets.warehouse import Connection

PAGE = timedelta(minutes=1000)
"""What one response holds at most."""

RECENT = timedelta(hours=6)
"""How far back the candles of the watch list are brought by every full run."""

TOGETHER = 50
"""Responses in one landing file: so many at most have to be asked for again after a kill."""

_MINUTE = timedelta(minutes=1)


class CandleSpan(NamedTuple):
    """Minutes of a pair: the first, and the last; naive UTC."""

    symbol: str
    first: datetime
    last: datetime


@dataclass
class Brought:
    """What came of asking: answers that were landed, the candles in them, and what the exchange refused."""

    answers: int = 0
    candles: int = 0
    refused: list[ExchangeError] = field(default_factory=list)


def bring_candles(client: BinanceClient, landing: Landing, source: str, spans: Iterable[CandleSpan]) -> Brought:
    """Ask for the one-minute candles of some spans, and land the answers; each page is a request of weight 2.

    A pair that the exchange does not know is left out, and told.

    Raises:
        ExchangeError: The exchange cannot be reached, or does not want to; what was landed by then stays.
    """
    brought = Brought()
    waiting = pages(spans)
    while spans_together := list(islice(waiting, TOGETHER)):
        captures: list[Capture] = []
        try:
            for span in spans_together:
                try:
                    captures.append(_ask(client, source, span, brought))
                except BadRequest as error:
                    brought.refused.append(error)
        finally:
            if captures:
                landing.land_minute(captures)
                brought.answers += len(captures)
    return brought


def recent_spans(connection: Connection, symbols: Sequence[str], now: datetime) -> list[CandleSpan]:
    """What is missing of the last hours of some pairs; of all (``*``) it would be too much."""
    last = now.replace(second=0, microsecond=0) - _MINUTE
    rows = connection.rows("landing/recent_spans.sql", symbols=list(symbols), since=last - RECENT)
    return [CandleSpan(symbol, first, last) for symbol, first in rows if first <= last]


def pages(spans: Iterable[CandleSpan]) -> Iterator[CandleSpan]:
    """The spans in pieces of a page at most, so that an answer is complete whatever is missing in it."""
    for span in spans:
        first = span.first
        while first <= span.last:
            yield CandleSpan(span.symbol, first, min(span.last, first + PAGE - _MINUTE))
            first += PAGE


def _ask(client: BinanceClient, source: str, span: CandleSpan, brought: Brought) -> Capture:
    response = client.klines(span.symbol, start_at=span.first, end_at=span.last)
    brought.candles += len(response.data)
    endpoint = f"klines/{span.symbol}/{span.first:%Y%m%dT%H%M}/{span.last:%Y%m%dT%H%M}"
    return replace(capture_of(response, source), endpoint=endpoint)
