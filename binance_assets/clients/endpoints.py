"""What is known of the exchange's endpoints: how much a request costs, and what shape its answer has.

Weights are from the exchange docs (rest-api, market data endpoints, 2026-07). They only say what to reserve;
what the exchange counts in its answer wins.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Params = Mapping[str, str]

UNKNOWN_WEIGHT = 20
"""For an endpoint that is not listed: one of the dearer ones."""


def _symbols(params: Params) -> int | None:
    """How many symbols are asked for; None for all."""
    if "symbol" in params:
        return 1
    return params["symbols"].count(",") + 1 if "symbols" in params else None


def _ticker_24hr(params: Params) -> int:
    count = _symbols(params)
    if count is None or count > 100:
        return 80
    return 40 if count > 20 else 2


def _rolling_ticker(params: Params) -> int:
    return min(4 * (_symbols(params) or 1), 200)


def _depth(params: Params) -> int:
    limit = int(text) if (text := params.get("limit", "")).isdecimal() else 100
    return next((weight for most, weight in ((100, 5), (500, 25), (1000, 50)) if limit <= most), 250)


def _one_or_more(params: Params) -> int:
    return 2 if "symbol" in params else 4


WEIGHTS: dict[str, int | Callable[[Params], int]] = {
    "ping": 1,
    "time": 1,
    "exchangeInfo": 20,
    "ticker/price": _one_or_more,
    "ticker/bookTicker": _one_or_more,
    "ticker/24hr": _ticker_24hr,
    "ticker/tradingDay": _rolling_ticker,
    "ticker": _rolling_ticker,
    "avgPrice": 2,
    "klines": 2,
    "uiKlines": 2,
    "aggTrades": 4,
    "trades": 25,
    "depth": _depth,
}
"""Weight of a request, by endpoint and in some cases by its parameters."""

WHOLE_MARKET = frozenset({"exchangeInfo", "ticker/price", "ticker/bookTicker", "ticker/24hr"})
"""Endpoints that speak of all symbols when none is named."""


def weight_of(endpoint: str, params: Params) -> int:
    """Request weight that a request will cost."""
    weight = WEIGHTS.get(endpoint, UNKNOWN_WEIGHT)
    return weight if isinstance(weight, int) else weight(params)


def check_shape(endpoint: str, params: Params, data: Any) -> str | None:
    """Compares an answer with the outer shape of its endpoint; its rows are for the loader to judge.

    Returns:
        What it is instead, or None where it is right.
    """
    match endpoint.partition("/")[0]:
        case "time":
            right, wanted = _has(data, "serverTime", int), "an object with a serverTime"
        case "exchangeInfo":
            right, wanted = _has(data, "symbols", list), "an object with a list of symbols"
        case "ticker" if "symbol" in params:
            right, wanted = _has(data, "symbol", str), "the object of one symbol"
        case "ticker" | "klines" | "uiKlines" | "trades" | "aggTrades":
            right, wanted = isinstance(data, list), "a list"
        case _:
            right, wanted = isinstance(data, dict | list), "an object or a list"
    if not right:
        return f"{_kind(data)} where {wanted} belongs"
    if endpoint in WHOLE_MARKET and "symbolStatus" not in params:  # only that filter can leave nothing
        rows = data["symbols"] if endpoint == "exchangeInfo" else data
        return None if rows else "an empty list"
    return None


def _has(data: Any, key: str, kind: type) -> bool:
    return isinstance(data, dict) and isinstance(data.get(key), kind)


def _kind(data: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a text", type(None): "null"}
    return names.get(type(data), "a number or a truth value")
