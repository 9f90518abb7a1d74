"""What the sandbox answers in CoinMarketCap's place: its endpoints, credits and limits, quirks included.

After CoinMarketCap's documentation (2026-09) and what others have measured of it. Knows no HTTP.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from binance_assets.sandbox.coinmarketcap_envelope import envelope, iso
from binance_assets.sandbox.coins import CATEGORIES, Category, Coin, Coins, first_seen
from binance_assets.sandbox.faults import Answer, coinmarketcap_refusal
from binance_assets.sandbox.walk import key_of

DEFAULT_CREDITS = 15_000
"""A month, as the smallest plan is reported to have."""

REQUESTS_A_MINUTE = 60

Query = Mapping[str, str]


class _Refused(Exception):
    """A request is not right; the message says why."""


@dataclass(frozen=True)
class _Endpoint:
    name: str
    rows: Callable[[CoinMarketCap, Query, int], tuple[Any, int]]
    parameters: tuple[str, ...] = ()
    credits_per_request: int = 0
    rows_per_credit: int | None = None


class CoinMarketCap:
    """CoinMarketCap over the sandbox's market. Any key is taken, and its credits are counted as long as this lives.

    Args:
        seed: Of the market.
        monthly_credits: Of each key.
    """

    def __init__(self, seed: int, monthly_credits: int = DEFAULT_CREDITS) -> None:
        self._seed = seed
        self._monthly_credits = monthly_credits
        self._spent: Counter[tuple[str, str]] = Counter()
        self._requests: Counter[tuple[str, int]] = Counter()

    @staticmethod
    def endpoint(path: str) -> str | None:
        """What an address below ``/v1/`` is called in faults, None where there is nothing."""
        return _ENDPOINTS[path].name if path in _ENDPOINTS else None

    def answer(self, path: str, query: Query, key: str | None, now_ms: int) -> Answer:
        """An answer, good or bad."""
        if not key:
            return coinmarketcap_refusal(1002, now_ms)
        self._requests[key, now_ms // 60_000] += 1
        if self._requests[key, now_ms // 60_000] > REQUESTS_A_MINUTE:
            return coinmarketcap_refusal(1008, now_ms, retry_after=60 - now_ms // 1000 % 60)
        if path == "key/info":
            return self._well(path, self._key_info(key, now_ms), 0, now_ms)
        known = _ENDPOINTS[path]
        try:
            for name in query:
                if name not in known.parameters:
                    raise _Refused(f'"{name}" is not allowed')
            data, row_count = known.rows(self, query, now_ms // 1000)
        except _Refused as refused:
            return Answer(400, envelope(now_ms, code=400, message=str(refused)))
        cost = known.credits_per_request + (-(-row_count // known.rows_per_credit) if known.rows_per_credit else 0)
        if self._spent[key, _month(now_ms)] + cost > self._monthly_credits:
            return coinmarketcap_refusal(1010, now_ms)
        self._spent[key, _month(now_ms)] += cost
        self._spent[key, _day(now_ms)] += cost
        return self._well(path, data, cost, now_ms)

    def _well(self, path: str, data: Any, cost: int, now_ms: int) -> Answer:
        """An answer without an error: of some endpoints it says so with a number, of others with a text."""
        code = (0, "0")[(key_of(self._seed, "error_code") + list(_ENDPOINTS).index(path)) % 2]
        return Answer(data=envelope(now_ms, data, code=code, cost=cost))

    def _key_info(self, key: str, now_ms: int) -> dict[str, Any]:
        now = datetime.fromtimestamp(now_ms / 1000, UTC)
        next_month = (now.replace(day=1) + timedelta(days=32)).replace(day=1, hour=0, minute=0, second=0)
        spent, today = self._spent[key, _month(now_ms)], self._spent[key, _day(now_ms)]
        requests = self._requests[key, now_ms // 60_000]
        return {
            "plan": {
                "credit_limit_monthly": self._monthly_credits,
                "credit_limit_monthly_reset": f"In {(next_month - now).days} days",
                "credit_limit_monthly_reset_timestamp": iso(int(next_month.timestamp())),
                "rate_limit_minute": REQUESTS_A_MINUTE,
            },
            "usage": {
                "current_minute": {"requests_made": requests, "requests_left": REQUESTS_A_MINUTE - requests},
                "current_day": {"credits_used": today, "credits_left": None},
                "current_month": {"credits_used": spent, "credits_left": self._monthly_credits - spent},
            },
        }

    @property
    def _coins(self) -> Coins:
        return Coins.of(self._seed)

    def _map(self, query: Query, second: int) -> tuple[Any, int]:
        statuses = query.get("listing_status", "active").split(",")
        if not {*statuses} <= {"active", "inactive", "untracked"}:
            raise _Refused('"listing_status" must be one of [active, inactive, untracked]')
        coins = [coin for coin in self._coins.everyone if coin.status in statuses]
        if query.get("sort", "id") == "cmc_rank":
            coins.sort(key=lambda coin: self._coins.rank_of.get(coin.coin_id, len(coins)))
        chosen = coins[_page(query, 5000, 5000)]
        return [self._mapped(coin, second) for coin in chosen], len(chosen)

    def _mapped(self, coin: Coin, second: int) -> dict[str, Any]:
        is_active = int(coin.status == "active")
        return {
            "id": coin.coin_id,
            "rank": self._coins.rank_of.get(coin.coin_id),
            "name": coin.name,
            "symbol": coin.symbol,
            "slug": coin.slug,
            "is_active": is_active,
            "status": is_active,
            "first_historical_data": iso(first_seen(coin)),
            "last_historical_data": iso(second // 300 * 300 if is_active else first_seen(coin) + 10**7),
            "platform": None,
        }

    def _listings(self, query: Query, second: int) -> tuple[Any, int]:
        rows = self._listed(range(len(self._coins.ranked))[_page(query, 100, 5000)], second)
        return rows, len(rows)

    def _listed(self, places: Iterable[int], second: int) -> list[dict[str, Any]]:
        prices = self._coins.prices(second).tolist()
        ranked, updated = self._coins.ranked, iso(second // 60 * 60)
        return [
            {
                "id": ranked[place].coin_id,
                "name": ranked[place].name,
                "symbol": ranked[place].symbol,
                "slug": ranked[place].slug,
                "cmc_rank": place + 1,
                "date_added": iso(first_seen(ranked[place])),
                "tags": [],
                "platform": None,
                "last_updated": updated,
                "quote": {"USD": {"price": prices[place], "last_updated": updated}},
            }
            for place in places
        ]

    def _categories(self, query: Query, second: int) -> tuple[Any, int]:
        chosen = list(CATEGORIES)[_page(query, 5000, 5000)]
        return [self._categorized(category, second) for category in chosen], len(chosen)

    def _categorized(self, category: Category, second: int) -> dict[str, Any]:
        members = self._coins.members(category, second)
        return {
            "id": category.category_id,
            "name": category.name,
            "title": category.name,
            "description": category.name,
            "num_tokens": len(members),
            "avg_price_change": 0.1,
            "market_cap": float(self._coins.prices(second)[members].sum()),
            "last_updated": second,
        }

    def _category(self, query: Query, second: int) -> tuple[Any, int]:
        category = next((it for it in CATEGORIES if it.category_id == query.get("id")), None)
        if category is None:
            raise _Refused('"id" is not the id of a category')
        places = self._coins.members(category, second).tolist()[_page(query, 100, 1000)]
        return self._categorized(category, second) | {"coins": self._listed(places, second)}, len(places)


_ENDPOINTS = {
    "key/info": _Endpoint("coinmarketcap/key/info", lambda *_: ({}, 0)),
    "cryptocurrency/map": _Endpoint(
        "coinmarketcap/map", CoinMarketCap._map, ("listing_status", "start", "limit", "sort", "aux"), 1
    ),
    "cryptocurrency/listings/latest": _Endpoint(
        "coinmarketcap/listings", CoinMarketCap._listings, ("start", "limit", "aux"), rows_per_credit=200
    ),
    "cryptocurrency/categories": _Endpoint(
        "coinmarketcap/categories", CoinMarketCap._categories, ("start", "limit"), 1, 200
    ),
    "cryptocurrency/category": _Endpoint(
        "coinmarketcap/category", CoinMarketCap._category, ("id", "start", "limit"), 1, 200
    ),
}


def _page(query: Query, usual: int, most: int) -> slice:
    """The rows that ``start`` and ``limit`` name."""
    start, limit = _number(query, "start", 1, 10**9), _number(query, "limit", usual, most)
    return slice(start - 1, start - 1 + limit)


def _number(query: Query, name: str, usual: int, most: int) -> int:
    text = query.get(name, str(usual))
    if not re.fullmatch("[0-9]{1,9}", text) or not 1 <= int(text) <= most:
        raise _Refused(f'"{name}" must be a number from 1 to {most}')
    return int(text)


def _month(now_ms: int) -> str:
    return f"{datetime.fromtimestamp(now_ms / 1000, UTC):%Y-%m}"


def _day(now_ms: int) -> str:
    return f"{datetime.fromtimestamp(now_ms / 1000, UTC):%Y-%m-%d}"
