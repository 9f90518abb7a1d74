"""Derives the facts of the star. Each function's change is a transaction, and is the same when it is made again."""

from __future__ import annotations

from datetime import timedelta

from binance_assets.lake import REACH
from binance_assets.warehouse import Connection


def close_minutes(connection: Connection, carry_limit_seconds: int) -> int:
    """Average every minute that is over and has observations that are not in its averages yet.

    Works by spans of hours, so that memory does not depend on how much came in. Reads nothing beyond those minutes
    but the closes of the half day around them.

    Returns:
        The number of minutes (of each source) that were made.
    """
    before = connection.count("meta.open_minute")
    connection.run("mart/open_observation.sql")
    for since, until in connection.rows("mart/minute_batches.sql"):
        with connection.transaction():
            connection.run(
                "mart/close_minutes.sql",
                since=since,
                until=until,
                gap_limit_minutes=REACH // timedelta(minutes=1),
                carry_limit_seconds=carry_limit_seconds,
            )
    return before - connection.count("meta.open_minute")


def load_latest_prices(connection: Connection) -> None:
    """The newest price of every pair, ranked within its quote currency. Reads only the spans they lie in."""
    with connection.transaction():
        connection.run("mart/latest.sql")
        spans = connection.rows("mart/latest_spans.sql")
        for since, until in spans:
            connection.run("mart/latest_price.sql", since=since, until=until)
        if spans:
            connection.run("mart/fact_price_latest.sql", newest_at=spans[-1][1])
