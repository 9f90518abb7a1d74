"""What the tests of coins and categories share: made-up answers of CoinMarketCap in its documented format."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from binance_assets.landing import Capture, LandingFile
from binance_assets_tests.pipeline import NOON, SECOND, Pipeline, as_body

DEFI = "5" * 24
GAMING = "6" * 24


def coin(number: int, symbol: str, /, *, rank: int | None = None, active: bool = True, **fields: Any) -> dict[str, Any]:
    """A coin as the map has it; its rank is its number, if nothing else is said."""
    return {
        "id": number,
        "symbol": symbol,
        "name": f"Coin {number}",
        "slug": f"coin-{number}",
        "rank": rank or number,
        "is_active": int(active),
    } | fields


def listed(number: int, price: float) -> dict[str, Any]:
    """A coin as the listings have it."""
    return {"id": number, "symbol": "?", "name": "?", "quote": {"USD": {"price": price}}}


def named(external_id: str, name: str) -> dict[str, Any]:
    """A category as the list of all categories has it."""
    return {"id": external_id, "name": name, "title": name, "description": "?", "num_tokens": 3}


def answer(data: Any) -> bytes:
    """CoinMarketCap's envelope around its data."""
    return as_body({"status": {"error_code": "0", "credit_count": 1}, "data": data})


class Coins:
    """Lands answers of CoinMarketCap in a pipeline; each of ``pages`` is the data of one response."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline = pipeline

    def land(self, endpoint: str, *pages: Any, at: datetime = NOON) -> LandingFile:
        """Land the pages of one answer, a second apart."""
        return self.pipeline.landing.land_minute(
            [
                Capture(f"coinmarketcap/{endpoint}", self.pipeline.source, at + number * SECOND, answer(page))
                for number, page in enumerate(pages)
            ]
        )

    def land_map(self, *coins: Any, at: datetime = NOON) -> LandingFile:
        """Land a map of one page."""
        return self.land("map", coins, at=at)

    def land_listings(self, *coins: Any, at: datetime = NOON) -> LandingFile:
        """Land listings of one page."""
        return self.land("listings", coins, at=at)

    def land_members(self, external_id: str, members: Iterable[int], at: datetime = NOON) -> LandingFile:
        """Land the members of a category, by their numbers."""
        category = named(external_id, "DeFi" if external_id == DEFI else "Gaming")
        return self.land(f"category/{external_id}", category | {"coins": [{"id": number} for number in members]}, at=at)
