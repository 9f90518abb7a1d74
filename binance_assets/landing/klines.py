"""Candles from the exchange's API: asked page by page, and landed as received.

What was answered is in the endpoint of each capture, ``klines/BTCUSDT/20240301T0000/20240301T0639``: the pair, the
first minute and the last. So an answer also tells which minutes the exchange does not have. Of hours and days the
interval stands behind them, ``klines/BTCUSDT/20240301T0000/20240310T0900/1h``, with the first and the last of those.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from binance_assets.clients import BinanceClient, ExchangeError
from binance_assets.clients.binance import EPOCH
from binance_assets.clients.errors import BadRequest
from binance_assets.landing import Capture, Landing
from binance_assets.landing.sampling import capture_of
from binance_assets.warehouse import Connection

LENGTHS = {"1m": timedelta(minutes=1), "1h": timedelta(hours=1), "1d": timedelta(days=1)}
"""How long the candles of an interval are, by the exchange's name of it."""

MOST_CANDLES = 1000
"""What one response holds at most."""

RECENT = timedelta(hours=6)
"""How far back the candles of the watch list are brought by every full run."""

TOGETHER = 50
"""Responses in one landing file: so many at most have to be asked for again after a kill."""

MOST_ROLL_UPS = 200
"""Responses with candles of hours and days that one run asks for at most: a few seconds of time, and less than a
tenth of the weight of a minute. The next run goes on."""

_MINUTE = LENGTHS["1m"]
_MILLISECOND = timedelta(milliseconds=1)


class CandleSpan(NamedTuple):
    """Candles of a pair: when the first opens, and the last; naive UTC."""

    symbol: str
    first: datetime
    last: datetime
    interval: str = "1m"


@dataclass
class Brought:
    """What came of asking: answers that were landed, the candles in them, and what the exchange refused."""

    answers: int = 0
    candles: int = 0
    refused: list[ExchangeError] = field(default_factory=list)


def bring_candles(
    client: BinanceClient,
    landing: Landing,
    source: str,
    spans: Iterable[CandleSpan],
    on_answer: Callable[[CandleSpan], object] = lambda span: None,
) -> Brought:
    """Ask for the candles of some spans, and land the answers; each is a request of weight 2.

    The exchange gives the first candles that there are in a span: so one answer is enough for years without any. A pair
    that the exchange does not know is left out, and told.

    Args:
        client: Of the exchange.
        landing: Where to.
        source: Of the store.
        spans: Of any length.
        on_answer: Is told what was answered, or refused.

    Raises:
        ExchangeError: The exchange cannot be reached, or does not want to; what was landed by then stays.
    """
    brought = Brought()
    captures: list[Capture] = []
    try:
        for span in spans:
            for capture in _answers(client, source, span, brought, on_answer):
                captures.append(capture)
                if len(captures) == TOGETHER:
                    _land(landing, captures, brought)
    finally:
        _land(landing, captures, brought)
    return brought


def recent_spans(connection: Connection, symbols: Sequence[str], now: datetime) -> list[CandleSpan]:
    """What is missing of the last hours of some pairs; of all (``*``) it would be too much."""
    last = now.replace(second=0, microsecond=0) - _MINUTE
    rows = connection.rows("landing/recent_spans.sql", symbols=list(symbols), since=last - RECENT)
    return [CandleSpan(symbol, first, last) for symbol, first in rows if first <= last]


def roll_up_spans(connection: Connection, symbols: Sequence[str] | None, most: int = MOST_ROLL_UPS) -> list[CandleSpan]:
    """Hours and days of which all one-minute candles are known, and that the exchange was not asked for yet.

    Args:
        connection: To a warehouse in which all that is landed is loaded.
        symbols: The pairs that are looked at; None for all. Those of which somebody has brought the archive's months
            are among them in any case.
        most: How many pages there are at most: the newest ones.
    """
    connection.run("archive/covered.sql")
    chosen = None if symbols is None else list(symbols)
    rows = connection.rows("landing/roll_up_spans.sql", symbols=chosen, page=MOST_CANDLES, most=most)
    return [CandleSpan(*row) for row in rows]


def _answers(
    client: BinanceClient, source: str, span: CandleSpan, brought: Brought, on_answer: Callable[[CandleSpan], object]
) -> Iterator[Capture]:
    """The answers that it takes to know all of a span."""
    first = span.first
    while first <= span.last:
        left = span._replace(first=first)
        try:
            response = client.klines(span.symbol, span.interval, start_at=first, end_at=span.last)
        except BadRequest as error:
            brought.refused.append(error)
            on_answer(left)
            return
        answered = left._replace(last=_end_of(response.data, left))
        brought.candles += len(response.data)
        yield replace(capture_of(response, source), endpoint=_endpoint(answered))
        on_answer(answered)
        first = answered.last + LENGTHS[span.interval]


def _end_of(candles: Sequence[Any], asked: CandleSpan) -> datetime:
    """The last candle of which an answer says something: of one that is full, the last that stands in it."""
    if len(candles) < MOST_CANDLES:
        return asked.last
    length = LENGTHS[asked.interval]
    page = min(asked.last, asked.first + (MOST_CANDLES - 1) * length)
    try:
        last = EPOCH + candles[-1][0] // (length // _MILLISECOND) * length
    except (TypeError, LookupError, OverflowError):
        return page  # what is wrong with it is found out when it is loaded
    return last if asked.first <= last <= asked.last else page


def _endpoint(answered: CandleSpan) -> str:
    endpoint = f"klines/{answered.symbol}/{answered.first:%Y%m%dT%H%M}/{answered.last:%Y%m%dT%H%M}"
    return endpoint if answered.interval == "1m" else f"{endpoint}/{answered.interval}"


def _land(landing: Landing, captures: list[Capture], brought: Brought) -> None:
    """Land what there is, and forget it."""
    if captures:
        landing.land_minute(captures)
        brought.answers += len(captures)
        captures.clear()
