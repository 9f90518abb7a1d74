"""What a backfill came to: the figures of its end, for people and for programs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from binance_assets.archive.history import begins_later
from binance_assets.archive.missing_days import days_by_origin
from binance_assets.landing.archive import Amount, Outcome
from binance_assets.warehouse import Connection


def summary_of(
    connection: Connection, outcome: Outcome, symbols: Sequence[str], first: date, last: date
) -> dict[str, Any]:
    """What there is of some pairs and days after a backfill, ready for JSON.

    ``refused`` are files that could not be had and files in which something is wrong as a whole; ``from_api`` the days
    that no file brings and the API has candles of, ``missing`` those that it has none of either; ``defects`` what is
    wrong in files that are loaded; ``candles`` are those of whole months.
    """
    scope = {"symbols": list(symbols), "first_month": f"{first:%Y-%m}", "last_month": f"{last:%Y-%m}"}
    came = outcome.progress
    not_had = [
        {"symbol": it.file.symbol, "file": it.file.name, "kind": type(it.error).__name__, "detail": it.error.what}
        for it in outcome.refused
    ]
    days = days_by_origin(connection, outcome.missing)
    from_api = [day for day in days if day["candles"]]
    begins = begins_later(outcome)
    for day in reversed(from_api):
        if day["first"] < begins.get(day["symbol"], date.min):
            begins[day["symbol"]] = day["first"]
    return {
        "pairs": list(symbols),
        "first_day": first.isoformat(),
        "last_day": last.isoformat(),
        "downloaded": _amount(came.downloaded),
        "already_there": _amount(came.skipped),
        "refused": not_had + connection.records("archive/history_refused.sql", **scope),
        "from_api": from_api,
        "missing": [day for day in days if not day["candles"] and begins.get(day["symbol"], date.min) <= day["first"]],
        "listed_later": {symbol: day.isoformat() for symbol, day in begins.items() if day > first},
        "candles": connection.value("archive/history_candles.sql", **scope),
        "defects": connection.records("archive/history_defects.sql", **scope),
    }


def _amount(amount: Amount) -> dict[str, int]:
    return {"files": amount.files, "bytes": amount.bytes}
