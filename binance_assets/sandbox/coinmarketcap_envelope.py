"""How CoinMarketCap wraps every answer, and its error codes (API documentation, 2026-09)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, NamedTuple


class Code(NamedTuple):
    """An error code: its HTTP status and message."""

    status: int
    message: str


CODES = {
    1001: Code(401, "This API Key is invalid."),
    1002: Code(401, "API key missing."),
    1003: Code(402, "Your API Key must be activated. Please go to pro.coinmarketcap.com/account/plan."),
    1004: Code(402, "Your API Key's subscription plan has expired."),
    1005: Code(403, "An API Key is required for this call."),
    1006: Code(403, "Your API Key subscription plan doesn't support this endpoint."),
    1007: Code(403, "This API Key has been disabled. Please contact support."),
    1008: Code(429, "You've exceeded your API Key's HTTP request rate limit. Rate limits reset every minute."),
    1009: Code(429, "You've exceeded your API Key's daily rate limit."),
    1010: Code(429, "You've exceeded your API Key's monthly rate limit."),
    1011: Code(429, "You've hit an IP rate limit."),
}


def envelope(now_ms: int, data: Any = None, *, code: int | str = 0, message: str | None = None, cost: int = 0) -> Any:
    """An answer's JSON; one with an error has no data."""
    status = {
        "timestamp": iso(now_ms // 1000),
        "error_code": code,
        "error_message": message,
        "elapsed": 12,
        "credit_count": cost,
        "notice": None,
    }
    return {"status": status} if message else {"status": status, "data": data}


def iso(second: int) -> str:
    """An instant as CoinMarketCap writes it."""
    return f"{datetime.fromtimestamp(second, UTC):%Y-%m-%dT%H:%M:%S}.000Z"
