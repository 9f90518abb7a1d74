"""Derives the facts of the star. Each function's change is a transaction, and is the same when it is made again."""

from __future__ import annotations

from datetime import timedelta

from binance_assets.warehouse import Warehouse

GAP_LIMIT = timedelta(hours=12)
"""A pair's silence up to this long is shown minute by minute; a longer one is the end of one series and the start of
the next, and is listed by the check `silences` instead of filling the table with millions of empty rows."""


def close_minutes(warehouse: Warehouse, carry_limit_seconds: int) -> int:
    """Average every minute that is over and has observations that are not in its averages yet.

    Works by spans of hours, so that memory does not depend on how much came in. Reads nothing beyond those minutes
    but the closes of the half day around them.

    Returns:
        The number of minutes (of each source) that were made.
    """
    with warehouse.connect() as connection:
        before = connection.count("meta.open_minute")
        for since, until in connection.rows("mart/minute_batches.sql"):
            with connection.transaction():
                connection.run(
                    "mart/fact_price_minute.sql",
                    since=since,
                    until=until,
                    gap_limit_minutes=GAP_LIMIT // timedelta(minutes=1),
                    carry_limit_seconds=carry_limit_seconds,
                )
        return before - connection.count("meta.open_minute")


def load_latest_prices(warehouse: Warehouse) -> None:
    """The newest price of every pair, ranked within its quote currency. Reads only the spans they lie in."""
    with warehouse.transaction() as connection:
        connection.run("mart/latest.sql")
        spans = connection.rows("mart/latest_spans.sql")
        for since, until in spans:
            connection.run("mart/latest_price.sql", since=since, until=until)
        if spans:
            connection.run("mart/fact_price_latest.sql", newest_at=spans[-1][1])
