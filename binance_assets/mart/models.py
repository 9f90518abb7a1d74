"""Derives the facts of the star. Each function's change is a transaction, and is the same when it is made again."""

from __future__ import annotations

from datetime import datetime, timedelta

from binance_assets.clients import errors
from binance_assets.lake import REACH
from binance_assets.warehouse import Connection

EXCHANGE_ERRORS = [
    error.__name__
    for error in (
        errors.Banned,
        errors.BadResponse,
        errors.ExchangeServerError,
        errors.ExchangeUnreachable,
        errors.Forbidden,
        errors.RateLimited,
        errors.RestrictedLocation,
    )
]
"""The errors by which the exchange failed us, or refused us. Any other is the collector's own: it asked wrongly."""

METADATA_INTERVAL = timedelta(hours=1)
"""How much later than a pair's last price the metadata may say that it no longer trades: it comes hourly."""

_BEFORE_ALL, _AFTER_ALL = datetime(1, 1, 1), datetime(9999, 12, 31)  # noqa: DTZ001 - naive UTC


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


def roll_up_hours(connection: Connection) -> int:
    """Roll up every hour that is over and of which minutes have changed, from those minutes.

    Works by spans of hours, as :func:`close_minutes` does, and reads the open days only: late data has opened its day
    again.

    Returns:
        The number of hours (of each source) that were made.
    """
    connection.run("mart/due_hours.sql")
    for since, until in connection.rows("mart/hour_spans.sql"):
        with connection.transaction():
            connection.run("mart/fact_price_hour.sql", since=since, until=until)
    return connection.count("due_hour")


def roll_up_days(connection: Connection) -> int:
    """Roll up every day that is over and of which hours have changed, from those hours; day by day.

    Returns:
        The number of days (of each source) that were made.
    """
    connection.run("mart/due_days.sql")
    for (date,) in connection.rows("select distinct date_utc from due_day order by date_utc"):
        with connection.transaction():
            connection.run("mart/fact_price_day.sql", date=date)
    return connection.count("due_day")


def update_gaps(connection: Connection) -> int:
    """Bring the ledger of gaps up to date with what was landed since, whatever time it is from.

    Looks again at what lies between the answers before and after the new ones, and reads sealed days only where late
    evidence or a long outage reaches into them. Does nothing while prices wait to be stored.

    Returns:
        The number of rows of ``mart.gap`` that are new or changed.
    """
    with connection.transaction():
        [(first_at, last_at, has_metadata, is_ready)] = connection.rows("mart/gap_pending.sql")
        if not is_ready or (first_at is None and not has_metadata):
            return 0
        connection.run("mart/gap_open.sql")
        connection.run("mart/gap_expected.sql")
        if connection.count("gap_described"):
            [(described_first_at, described_last_at)] = connection.rows("mart/gap_described.sql")
            first_at = min(filter(None, (first_at, described_first_at)), default=None)
            last_at = max(filter(None, (last_at, described_last_at)), default=None)
        previous_at, next_at = _gap_window(connection, first_at, last_at)
        connection.run(
            "mart/gap_evidence.sql", previous_at=previous_at, next_at=next_at, exchange_errors=EXCHANGE_ERRORS
        )
        if first_at is not None:
            for before, since, until, after in connection.rows(
                "mart/gap_batches.sql", first_at=first_at, last_at=last_at
            ):
                connection.run("mart/gap_pair.sql", previous_at=before, since=since, until=until, next_at=after)
        since = connection.value("mart/gap_unanswered.sql", first_at=first_at or _AFTER_ALL)
        if since is not None:
            if connection.value("select count(*) from meta.sealed_partition where date >= $since", since=since):
                connection.run("mart/gap_sealed.sql")
            connection.run("mart/gap_first_answer.sql", since=since)
        connection.run(
            "mart/gap.sql",
            previous_at=previous_at,
            next_at=next_at,
            has_metadata=has_metadata,
            metadata_interval=METADATA_INTERVAL,
        )
        return connection.count("gap_new")


def _gap_window(
    connection: Connection, first_at: datetime | None, last_at: datetime | None
) -> tuple[datetime, datetime]:
    """The answers around new evidence; an empty window if there is none."""
    if first_at is None:
        return _AFTER_ALL, _BEFORE_ALL
    span = {"first_at": first_at, "last_at": last_at}
    [(previous_at, next_at, has_sealed_days)] = connection.rows("mart/gap_window.sql", **span)
    if has_sealed_days:
        connection.run("mart/gap_sealed.sql")
        [(previous_at, next_at, _)] = connection.rows("mart/gap_window.sql", **span)
    return previous_at, next_at


def load_latest_prices(connection: Connection) -> None:
    """The newest price of every pair, ranked within its quote currency. Reads only the spans they lie in."""
    with connection.transaction():
        connection.run("mart/latest.sql")
        spans = connection.rows("mart/latest_spans.sql")
        for since, until in spans:
            connection.run("mart/latest_price.sql", since=since, until=until)
        if spans:
            connection.run("mart/fact_price_latest.sql", newest_at=spans[-1][1])
