"""What the sandbox exchange answers: the parameters of each endpoint, their errors, and the data.

After the exchange docs (rest-api: market data endpoints, error codes, request weights; 2026-07). Knows no HTTP.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from binance_assets.sandbox.catalogue import UNITS, Pair
from binance_assets.sandbox.intervals import INTERVALS, candle_at, openings
from binance_assets.sandbox.market import DAY_SECONDS, Market, Spans

Query = Mapping[str, str]

_FILTER_STATUSES = ("TRADING", "HALT", "BREAK")
_FILTER_PERMISSIONS = ("SPOT", "MARGIN", "LEVERAGED")
_TRADING_GROUPS = [f"TRD_GRP_{number:03}" for number in range(4, 20)]

_SYMBOL = re.compile(r"[^\Wa-z]([^\Wa-z]|[.-]){0,49}")
_LEGAL_SYMBOL = r"^[\w\-._&&[^a-z]]{1,50}$"
_LEGAL_NUMBER = "^[0-9]{1,20}$"

_LAST_SECOND = 2**40
_CANDLES, _MOST_CANDLES = 500, 1000

_MINI_FIELDS = (
    *("symbol", "openPrice", "highPrice", "lowPrice", "lastPrice", "volume", "quoteVolume"),
    *("openTime", "closeTime", "firstId", "lastId", "count"),
)


class Refused(Exception):
    """What the exchange does not accept: its own error code and message, for HTTP 400."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True)
class _Endpoint:
    answer: Callable[[Exchange, Query, int], Any]
    weight: Callable[[Query], int]
    parameters: tuple[str, ...] = ()


class Exchange:
    """The endpoints of the exchange over a market.

    Args:
        market: What is traded.
        weight_limit: Request weight per minute, as told in ``exchangeInfo``.

    Attributes:
        outages: When nothing was traded, see ``Market.candles``; a candle within one is not there at all.
    """

    def __init__(self, market: Market, weight_limit: int) -> None:
        self.outages: Spans = ()
        self._market = market
        self._weight_limit = weight_limit
        self._descriptions = [_description(pair) for pair in market.pairs]

    @staticmethod
    def knows(endpoint: str) -> bool:
        """Whether there is such an endpoint, named as in the address, such as ``ticker/price``."""
        return endpoint in _ENDPOINTS

    @staticmethod
    def weight(endpoint: str, query: Query) -> int:
        """Request weight of a request, whether or not it is accepted."""
        return _ENDPOINTS[endpoint].weight(query)

    def answer(self, endpoint: str, parameters: Iterable[tuple[str, str]], now_ms: int) -> Any:
        """The data of an answer, ready for JSON.

        Raises:
            Refused: The request is not right.
        """
        known = _ENDPOINTS[endpoint]
        parameters = list(parameters)
        counts = Counter(name for name, _ in parameters)
        for name, count in counts.items():
            if count > 1:
                raise Refused(-1101, f"Duplicate values for parameter '{name}' detected.")
        read = counts.keys() & set(known.parameters)
        if len(read) < len(counts):
            raise Refused(
                -1104,
                f"Not all sent parameters were read; read '{len(read)}' parameter(s) but was sent '{len(counts)}'.",
            )
        for name, value in parameters:
            if not value:
                raise Refused(-1105, f"Parameter '{name}' was empty.")
        return known.answer(self, dict(parameters), now_ms)

    def _ping(self, query: Query, now_ms: int) -> dict[str, Any]:
        return {}

    def _time(self, query: Query, now_ms: int) -> dict[str, Any]:
        return {"serverTime": now_ms}

    def _exchange_info(self, query: Query, now_ms: int) -> dict[str, Any]:
        if query.keys() & {"symbol", "symbols"} and query.keys() & {"permissions", "symbolStatus"}:
            raise Refused(-1128, "Combination of optional parameters invalid.")
        descriptions = [self._descriptions[place] for place in self._places(query)]
        if "permissions" in query:
            wanted = set(_permissions(query["permissions"]))
            descriptions = [it for it in descriptions if wanted & set(it["permissionSets"][0])]
        if not _flag(query, "showPermissionSets", default=True):
            descriptions = [{**description, "permissionSets": []} for description in descriptions]
        return {
            "timezone": "UTC",
            "serverTime": now_ms,
            "rateLimits": [
                _rate_limit("REQUEST_WEIGHT", "MINUTE", 1, self._weight_limit),
                _rate_limit("ORDERS", "SECOND", 10, 100),
                _rate_limit("ORDERS", "DAY", 1, 200_000),
                _rate_limit("RAW_REQUESTS", "MINUTE", 5, 61_000),
            ],
            "exchangeFilters": [],
            "symbols": descriptions,
        }

    def _ticker_price(self, query: Query, now_ms: int) -> Any:
        places = self._places(query)
        prices = self._market.prices(now_ms // 1000).tolist()
        rows = [{"symbol": self._market.pairs[place].symbol, "price": _decimal(prices[place])} for place in places]
        return rows[0] if "symbol" in query else rows

    def _ticker_24hr(self, query: Query, now_ms: int) -> Any:
        kind = query.get("type", "FULL")
        if kind not in {"FULL", "MINI"}:
            raise Refused(-1130, "Data sent for parameter 'type' is not valid.")
        places = self._places(query)
        second = now_ms // 1000
        rows = {place: _silent_day(self._market.pairs[place], now_ms) for place in places}
        trading = np.intersect1d(places, self._market.trading)
        for place, *day in zip(
            trading.tolist(), *(it.tolist() for it in self._market.day(trading, second)), strict=True
        ):
            if day[-1] >= day[-2]:
                rows[place] = _day(self._market.pairs[place], now_ms, *day)
        chosen = [rows[place] for place in places]
        if kind == "MINI":
            chosen = [{name: row[name] for name in _MINI_FIELDS} for row in chosen]
        return chosen[0] if "symbol" in query else chosen

    def _klines(self, query: Query, now_ms: int) -> list[list[Any]]:
        for name in ("symbol", "interval"):
            if name not in query:
                raise Refused(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")
        [place] = self._places({"symbol": query["symbol"]})
        interval = query["interval"]
        if interval not in INTERVALS:
            raise Refused(-1120, "Invalid interval.")
        start_ms, end_ms = _number(query, "startTime"), _number(query, "endTime")
        if start_ms is not None and end_ms is not None and start_ms > end_ms:
            raise Refused(-1128, "Combination of optional parameters invalid.")
        limit = _number(query, "limit")
        limit = _CANDLES if limit is None else min(limit, _MOST_CANDLES)
        if not limit:
            raise Refused(-1130, "Data sent for parameter 'limit' is not valid.")
        shift = _time_zone(query.get("timeZone", "0"))

        now = now_ms // 1000
        born, died = self._market.life(place, now)
        first, last = candle_at(interval, born + shift), candle_at(interval, died + shift)
        if start_ms is not None:  # the first candle that opens then or later
            first = max(first, candle_at(interval, min(-(-start_ms // 1000), _LAST_SECOND) - 1 + shift) + 1)
        if end_ms is not None:
            last = min(last, candle_at(interval, min(end_ms // 1000, _LAST_SECOND) + shift))
        if first > last:
            return []
        first, last = self._span(interval, first, last, shift, limit, is_latest=start_ms is None)

        pair = self._market.pairs[place]
        bounds = openings(interval, first, last) - shift
        candles = (column.tolist() for column in self._market.candles(place, bounds, now, self.outages))
        times = (bounds * 1000).tolist()
        return [
            _kline(pair, *candle)
            for candle in zip(times[:-1], times[1:], *candles, strict=True)
            if not any(start * 1000 <= candle[0] and candle[1] <= stop * 1000 for start, stop in self.outages)
        ]

    def _span(
        self, interval: str, first: int, last: int, shift: int, limit: int, *, is_latest: bool
    ) -> tuple[int, int]:
        """The first and last of the earliest candles from one number to another, or of the latest; at most the limit.

        Those within an outage are not counted.
        """
        count = limit
        while True:
            span = (max(first, last - count + 1), last) if is_latest else (first, min(last, first + count - 1))
            bounds = openings(interval, *span) - shift
            absent = sum(
                int(np.count_nonzero((start <= bounds[:-1]) & (bounds[1:] <= stop))) for start, stop in self.outages
            )
            if count == limit + absent:
                return span
            count = limit + absent

    def _places(self, query: Query) -> list[int]:
        """The pairs that a request is about."""
        status = query.get("symbolStatus")
        if status is not None and status not in _FILTER_STATUSES:
            raise Refused(-1122, "Invalid symbolStatus.")
        if {"symbol", "symbols"} <= query.keys():
            raise Refused(-1128, "Combination of optional parameters invalid.")
        if "symbol" in query:
            symbol = query["symbol"]
            if not _SYMBOL.fullmatch(symbol):
                raise Refused(-1100, _illegal("symbol", _LEGAL_SYMBOL))
            place = self._place(symbol)
            if status not in (None, self._market.pairs[place].status):
                raise Refused(-1220, "The symbol's status does not match the requested symbolStatus.")
            return [place]
        if "symbols" in query:
            places = [self._place(symbol) for symbol in _symbols(query["symbols"])]
        else:
            places = list(range(len(self._market.pairs)))
        return [place for place in places if status in (None, self._market.pairs[place].status)]

    def _place(self, symbol: str) -> int:
        place = self._market.place_of.get(symbol)
        if place is None:
            raise Refused(-1121, "Invalid symbol.")
        return place


def _symbols(text: str) -> list[str]:
    """A JSON list of symbols, without spaces."""
    try:
        symbols = json.loads(text)
    except ValueError:
        symbols = None
    if (
        not isinstance(symbols, list)
        or not all(isinstance(symbol, str) and _SYMBOL.fullmatch(symbol) for symbol in symbols)
        or text != json.dumps(symbols, ensure_ascii=False, separators=(",", ":"))
    ):
        raise Refused(-1100, _illegal("symbols", rf'^\[("{_LEGAL_SYMBOL[1:-1]}"(,...)*)?\]$'))
    if not symbols:
        raise Refused(-1105, "Parameter 'symbols' was empty.")
    if len(set(symbols)) < len(symbols):
        raise Refused(-1151, "Symbol is present multiple times in the list.")
    return symbols


def _permissions(text: str) -> list[str]:
    """One permission, or a JSON list of them."""
    try:
        permissions = json.loads(text) if text.startswith("[") else [text]
    except ValueError:
        permissions = []
    if not permissions or not set(permissions) <= {*_FILTER_PERMISSIONS, *_TRADING_GROUPS}:
        raise Refused(-1130, "Data sent for parameter 'permissions' is not valid.")
    return permissions


def _flag(query: Query, name: str, *, default: bool) -> bool:
    text = query.get(name, str(default).lower())
    if text not in {"true", "false"}:
        raise Refused(-1130, f"Data sent for parameter '{name}' is not valid.")
    return text == "true"


def _number(query: Query, name: str) -> int | None:
    text = query.get(name)
    if text is None:
        return None
    if not re.fullmatch(_LEGAL_NUMBER, text, re.ASCII):
        raise Refused(-1100, _illegal(name, _LEGAL_NUMBER))
    return int(text)


def _time_zone(text: str) -> int:
    """Seconds that a time zone is ahead of UTC: hours, or hours and minutes, from -12:00 to +14:00."""
    match = re.fullmatch(r"([+-]?)(\d{1,2})(?::([0-5]\d))?", text, re.ASCII)
    seconds = 0
    if match:
        sign, hours, minutes = match.groups()
        seconds = (int(hours) * 60 + int(minutes or 0)) * 60 * (-1 if sign == "-" else 1)
    if not match or not -12 * 3600 <= seconds <= 14 * 3600:
        raise Refused(-1130, "Data sent for parameter 'timeZone' is not valid.")
    return seconds


def _illegal(name: str, legal: str) -> str:
    return f"Illegal characters found in parameter '{name}'; legal range is '{legal}'."


def _decimal(units: int) -> str:
    """Units as the exchange writes them, with eight decimals."""
    sign = "-" if units < 0 else ""
    return f"{sign}{abs(units) // UNITS}.{abs(units) % UNITS:08}"


def _rate_limit(kind: str, interval: str, count: int, limit: int) -> dict[str, Any]:
    return {"rateLimitType": kind, "interval": interval, "intervalNum": count, "limit": limit}


def _description(pair: Pair) -> dict[str, Any]:
    """A pair in ``exchangeInfo``."""
    is_leveraged = pair.base.kind == "leveraged_token"
    has_margin = pair.status == "TRADING" and pair.pace < 30
    permissions = ["LEVERAGED"] if is_leveraged else ["SPOT", *["MARGIN"] * has_margin, *_TRADING_GROUPS]
    most = 9_000_000 * UNITS // pair.step * pair.step
    return {
        "symbol": pair.symbol,
        "status": pair.status,
        "baseAsset": pair.base.code,
        "baseAssetPrecision": 8,
        "quoteAsset": pair.quote.code,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "baseCommissionPrecision": 8,
        "quoteCommissionPrecision": 8,
        "orderTypes": ["LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT"],
        "icebergAllowed": True,
        "ocoAllowed": True,
        "otoAllowed": True,
        "opoAllowed": True,
        "quoteOrderQtyMarketAllowed": True,
        "allowTrailingStop": True,
        "cancelReplaceAllowed": True,
        "amendAllowed": True,
        "pegInstructionsAllowed": True,
        "isSpotTradingAllowed": not is_leveraged,
        "isMarginTradingAllowed": has_margin,
        "filters": [
            {
                "filterType": "PRICE_FILTER",
                "minPrice": _decimal(pair.tick),
                "maxPrice": _decimal(pair.tick * 100_000_000),
                "tickSize": _decimal(pair.tick),
            },
            {
                "filterType": "LOT_SIZE",
                "minQty": _decimal(pair.step),
                "maxQty": _decimal(most),
                "stepSize": _decimal(pair.step),
            },
            {"filterType": "ICEBERG_PARTS", "limit": 100},
            {
                "filterType": "MARKET_LOT_SIZE",
                "minQty": _decimal(0),
                "maxQty": _decimal(most // 100),
                "stepSize": _decimal(0),
            },
            {
                "filterType": "TRAILING_DELTA",
                "minTrailingAboveDelta": 10,
                "maxTrailingAboveDelta": 2000,
                "minTrailingBelowDelta": 10,
                "maxTrailingBelowDelta": 2000,
            },
            {
                "filterType": "PERCENT_PRICE_BY_SIDE",
                "bidMultiplierUp": "5",
                "bidMultiplierDown": "0.2",
                "askMultiplierUp": "5",
                "askMultiplierDown": "0.2",
                "avgPriceMins": 5,
            },
            {
                "filterType": "NOTIONAL",
                "minNotional": _decimal(pair.min_notional),
                "applyMinToMarket": True,
                "maxNotional": _decimal(9_000_000 * UNITS),
                "applyMaxToMarket": False,
                "avgPriceMins": 5,
            },
            {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": 200},
            {"filterType": "MAX_NUM_ORDER_LISTS", "maxNumOrderLists": 20},
            {"filterType": "MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders": 5},
            {"filterType": "MAX_NUM_ORDER_AMENDS", "maxNumOrderAmends": 10},
        ],
        "permissions": [],
        "permissionSets": [permissions],
        "defaultSelfTradePreventionMode": "EXPIRE_MAKER",
        "allowedSelfTradePreventionModes": ["EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH", "DECREMENT"],
    }


def _day(
    pair: Pair,
    now_ms: int,
    open_: int,
    high: int,
    low: int,
    close: int,
    average: float,
    volume: float,
    first: int,
    last: int,
) -> dict[str, Any]:
    """A pair in ``ticker/24hr``; prices in ticks, volume in steps."""
    steps = round(volume)
    quantity = max(1, steps // (last - first + 1)) * pair.step
    return {
        "symbol": pair.symbol,
        "priceChange": _decimal((close - open_) * pair.tick),
        "priceChangePercent": f"{(close - open_) / open_ * 100:.3f}",
        "weightedAvgPrice": _decimal(round(average * pair.tick)),
        "prevClosePrice": _decimal(open_ * pair.tick),
        "lastPrice": _decimal(close * pair.tick),
        "lastQty": _decimal(quantity),
        "bidPrice": _decimal(max(1, close - 1) * pair.tick),
        "bidQty": _decimal(quantity),
        "askPrice": _decimal((close + 1) * pair.tick),
        "askQty": _decimal(quantity),
        "openPrice": _decimal(open_ * pair.tick),
        "highPrice": _decimal(high * pair.tick),
        "lowPrice": _decimal(low * pair.tick),
        "volume": _decimal(steps * pair.step),
        "quoteVolume": _decimal(round(steps * average) * pair.tick * pair.step // UNITS),
        "openTime": now_ms - DAY_SECONDS * 1000,
        "closeTime": now_ms,
        "firstId": first,
        "lastId": last,
        "count": last - first + 1,
    }


def _kline(
    pair: Pair,
    opened_ms: int,
    next_ms: int,
    open_: int,
    high: int,
    low: int,
    close: int,
    volume: int,
    quote_volume: int,
    bought: int,
    quote_bought: int,
    trade_count: int,
) -> list[Any]:
    """A candle in ``klines``; prices in ticks, volumes in steps, quote volumes in ticks times steps."""
    tick_times_step = pair.tick * pair.step
    return [
        opened_ms,
        *(_decimal(ticks * pair.tick) for ticks in (open_, high, low, close)),
        _decimal(volume * pair.step),
        next_ms - 1,
        _decimal(quote_volume * tick_times_step // UNITS),
        trade_count,
        _decimal(bought * pair.step),
        _decimal(quote_bought * tick_times_step // UNITS),
        "0",
    ]


def _silent_day(pair: Pair, now_ms: int) -> dict[str, Any]:
    """A pair in ``ticker/24hr`` that has not traded; if it was halted, in the last day that it had."""
    close_ms = pair.halted_at * 1000 if pair.halted_at else now_ms
    prices = ("weightedAvgPrice", "prevClosePrice", "lastPrice", "lastQty", "bidPrice", "bidQty", "askPrice", "askQty")
    zeros = (*prices, "openPrice", "highPrice", "lowPrice", "volume", "quoteVolume")
    return {
        "symbol": pair.symbol,
        "priceChange": _decimal(0),
        "priceChangePercent": "0.000",
        **dict.fromkeys(zeros, _decimal(0)),
        "openTime": close_ms - DAY_SECONDS * 1000,
        "closeTime": close_ms,
        "firstId": -1,
        "lastId": -1,
        "count": 0,
    }


def _symbol_count(query: Query) -> int | None:
    """How many symbols a request names, None for all of them."""
    if "symbol" in query:
        return 1
    return query["symbols"].count(",") + 1 if "symbols" in query else None


def _weight_of_24hr(query: Query) -> int:
    count = _symbol_count(query)
    if count is None or count > 100:
        return 80
    return 40 if count > 20 else 2


_SELECTION = ("symbol", "symbols", "symbolStatus")

_ENDPOINTS = {
    "ping": _Endpoint(Exchange._ping, lambda _: 1),
    "time": _Endpoint(Exchange._time, lambda _: 1),
    "exchangeInfo": _Endpoint(
        Exchange._exchange_info, lambda _: 20, (*_SELECTION, "permissions", "showPermissionSets")
    ),
    "ticker/price": _Endpoint(Exchange._ticker_price, lambda query: 2 if "symbol" in query else 4, _SELECTION),
    "ticker/24hr": _Endpoint(Exchange._ticker_24hr, _weight_of_24hr, (*_SELECTION, "type")),
    "klines": _Endpoint(
        Exchange._klines, lambda _: 2, ("symbol", "interval", "startTime", "endTime", "timeZone", "limit")
    ),
}
