"""The data providers over HTTP: typed errors, shared limits. Knows no Dagster and no DuckDB."""

from binance_assets.clients.binance import DEFAULT_BASE_URLS, BinanceClient, Response, accept
from binance_assets.clients.budget import WeightBudget, WeightBudgetError
from binance_assets.clients.errors import (
    BadRequest,
    BadResponse,
    Banned,
    ExchangeError,
    ExchangeServerError,
    ExchangeUnreachable,
    Forbidden,
    RateLimited,
    RestrictedLocation,
    WrongExchange,
)
from binance_assets.clients.http import Answer, Limits, parse_json

__all__ = [
    "DEFAULT_BASE_URLS",
    "Answer",
    "BadRequest",
    "BadResponse",
    "Banned",
    "BinanceClient",
    "ExchangeError",
    "ExchangeServerError",
    "ExchangeUnreachable",
    "Forbidden",
    "Limits",
    "RateLimited",
    "Response",
    "RestrictedLocation",
    "WeightBudget",
    "WeightBudgetError",
    "WrongExchange",
    "accept",
    "parse_json",
]
