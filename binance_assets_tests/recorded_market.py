"""A store of recorded responses, as if they had been sampled: the exchange's own cadence, then whole hours of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from binance_assets.dashboard.page import write_page
from binance_assets.export.publish import publish
from binance_assets.landing import Capture
from binance_assets_tests.pipeline import HOUR, MINUTE, Pipeline, prices_body
from binance_assets_tests.recorded import RECORDINGS, recorded_body, recorded_metadata

CADENCE = 3
"""Seconds from one recorded poll to the next, most of the time."""

_EIGHTH = Decimal("0.00000001")
_HOURS = 2
_SILENT = range(100, 107)
"""Of the minutes of those hours, some in which nobody asks."""
_LEFT_OUT = {"BNBUSDT": range(20, 29)}
"""Pairs that are missing from answers for some minutes."""


def recorded_polls() -> Iterator[tuple[datetime, dict[str, str]]]:
    """Mid prices of the recorded polls of the order books, to eight decimals, of the pairs that have orders."""
    for poll in sorted((RECORDINGS / "book_ticker_polls").glob("*.json.gz")):
        at = datetime.fromtimestamp(int(poll.name.partition(".")[0]), UTC).replace(tzinfo=None)
        mids = {
            row["symbol"]: ((Decimal(row["bidPrice"]) + Decimal(row["askPrice"])) / 2).quantize(_EIGHTH)
            for row in json.loads(recorded_body(poll))
        }
        yield at, {symbol: f"{mid:f}" for symbol, mid in mids.items() if mid}


def recorded_market(path: Path) -> Pipeline:
    """A live store with an export and a page.

    It has the market of April 2021, one answer; and of a day of January 2022 the polls at the seconds at which they
    were made, and the same ones again, one a minute, for two hours. The metadata of that day is the next that was
    recorded, of November 2022: most pairs that it does not list any more, were there in 2021.
    """
    pipeline = Pipeline(path, "live")
    landing = pipeline.landing
    [early] = recorded_metadata("exchange_info/spot_20210429.json.gz")
    landing.land(_live("exchangeInfo", early.received_at, early.body))
    prices = recorded_body(RECORDINGS / "ticker_price/spot_20210429.json.gz")
    landing.land(_live("ticker/price", early.received_at, prices, 10))

    polls = list(recorded_polls())
    [late, *_] = recorded_metadata("exchange_info/series", every=50)
    begin = polls[0][0]
    landing.land(_live("exchangeInfo", begin.replace(second=0), late.body))
    landing.land_minute([_live("ticker/price", at, prices_body(mids), CADENCE) for at, mids in polls])
    hour = begin.replace(minute=0, second=0) + HOUR
    there_and_back = [mids for _, mids in [*polls, *polls[::-1]]]
    landing.land_minute(
        [
            _live("ticker/price", hour + number * MINUTE, _without(there_and_back[number % 120], number), 60)
            for number in range(_HOURS * 60)
            if number not in _SILENT
        ]
    )
    pipeline.update()
    publish(pipeline.store)
    write_page(pipeline.store)
    return pipeline


def _without(mids: dict[str, str], number: int) -> bytes:
    return prices_body({symbol: mid for symbol, mid in mids.items() if number not in _LEFT_OUT.get(symbol, ())})


def _live(endpoint: str, at: datetime, body: bytes, interval: int | None = None) -> Capture:
    return Capture(endpoint, "live", at, body, requested_at=at, exchange_at=at, sampling_interval_seconds=interval)
