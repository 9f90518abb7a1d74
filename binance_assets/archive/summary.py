"""What a backfill came to: the figures of its end, for people and for programs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from binance_assets.archive.history import begins_later, missing
from binance_assets.landing.archive import Amount, Outcome
from binance_assets.warehouse import Connection


def summary_of(
    connection: Connection, outcome: Outcome, symbols: Sequence[str], first: date, last: date
) -> dict[str, Any]:
    """What there is of some pairs and days after a backfill, ready for JSON.

    ``refused`` are files that could not be had and files in which something is wrong as a whole; ``missing`` the days
    that no file brings; ``defects`` what is wrong in files that are loaded; ``candles`` are those of whole months.
    """
    scope = {"symbols": list(symbols), "first_month": f"{first:%Y-%m}", "last_month": f"{last:%Y-%m}"}
    came = outcome.progress
    not_had = [
        {"symbol": it.file.symbol, "file": it.file.name, "kind": type(it.error).__name__, "detail": it.error.what}
        for it in outcome.refused
    ]
    return {
        "pairs": list(symbols),
        "first_day": first.isoformat(),
        "last_day": last.isoformat(),
        "downloaded": _amount(came.downloaded),
        "already_there": _amount(came.skipped),
        "refused": not_had + connection.records("archive/history_refused.sql", **scope),
        "missing": [
            {"symbol": it.symbol, "first": it.first, "last": it.last, "days": (it.last - it.first).days + 1}
            for it in missing(outcome)
        ],
        "listed_later": {symbol: day.isoformat() for symbol, day in begins_later(outcome).items()},
        "candles": connection.value("archive/history_candles.sql", **scope),
        "defects": connection.records("archive/history_defects.sql", **scope),
    }


def _amount(amount: Amount) -> dict[str, int]:
    return {"files": amount.files, "bytes": amount.bytes}
