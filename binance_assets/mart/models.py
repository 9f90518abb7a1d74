"""Derives the facts of the star. Each function's change is a transaction, and is the same when it is made again."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from importlib import resources

from binance_assets.clients import errors
from binance_assets.lake import REACH, seal, show_sealed_days
from binance_assets.warehouse import Connection, Warehouse

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

SECTOR_LEAST_OBSERVED = 0.9
"""In which share of the minutes in which the market was observed a pair must have been, to count in its sectors."""

METADATA_INTERVAL = timedelta(hours=1)
"""How much later than a pair's last price the metadata may say that it no longer trades: it comes hourly."""

_SEALED_DAY_MEMORY = "256MB"
"""A transaction keeps every temporary table that it has replaced; beyond this they go to disk until it ends."""

_BEFORE_ALL, _AFTER_ALL = datetime(1, 1, 1), datetime(9999, 12, 31)  # noqa: DTZ001 - naive UTC


def find_usdt_ways(connection: Connection) -> None:
    """Find anew when pairs were trading, and which lead to USDT, if there is new metadata.

    Opens the minutes and hours again that were made while something else was known of them. That is what late metadata
    does, and an import of old metadata; the hourly one only says what is from now on.
    """
    if connection.value("mart/is_metadata_new.sql"):
        with connection.transaction():
            connection.run("mart/trading_span.sql")
            connection.run("mart/usdt_way.sql")
            connection.run("mart/trading_changed.sql")


def close_minutes(connection: Connection, carry_limit_seconds: int) -> int:
    """Average every minute that is over and has observations that are not in its averages yet.

    Also those of which metadata says something else since. Works by spans of hours, so that memory does not depend on
    how much came in. Reads nothing beyond those minutes but the closes of the half day around them.

    Returns:
        The number of minutes (of each source) that were made.
    """
    find_usdt_ways(connection)
    before = connection.count("meta.open_minute")
    connection.run("mart/open_minutes.sql")
    for since, until in connection.rows("mart/minute_batches.sql"):
        with connection.transaction():
            connection.run("mart/due_minutes.sql", since=since, until=until)
            _expect(connection, since, until)
            connection.run("mart/observed_minutes.sql", since=since, until=until)
            _fill_silences(connection, since, until, REACH, carry_limit_seconds)
    return before - connection.count("meta.open_minute")


def average_sealed_day(connection: Connection, day: date, carry_limit_seconds: int) -> int:
    """Average every minute of a sealed day anew from its partition, hour by hour; its observations stay sealed.

    The minutes are in the open table then, and the day's hours are to be rolled up: the next :func:`roll_up_hours` does
    that, and the next sealing of the day seals both again. Minutes of other days are not touched.

    Returns:
        The number of minutes (of each source) that were made.

    Raises:
        ValueError: The day is not sealed.
    """
    if not connection.value("mart/is_sealed.sql", day=day):
        raise ValueError(f"{day} is not sealed: close_minutes averages its minutes, from the open tables.")
    since = datetime.combine(day, time())
    until = since + timedelta(days=1)
    connection.rows("set memory_limit = $limit", limit=_SEALED_DAY_MEMORY)
    try:
        with connection.transaction():
            connection.run("mart/sealed_minutes.sql", day=day)
            show_sealed_days(connection)
            _expect(connection, since, until)
            # Not the hours without any: see _fill_silences for what inserting no rows does.
            for (hour,) in connection.rows("select distinct date_trunc('hour', minute_utc) from due_minute order by 1"):
                connection.run("mart/observed_minutes.sql", since=hour, until=hour + timedelta(hours=1))
            _fill_silences(connection, since, until, timedelta(), carry_limit_seconds)
            return connection.count("due_minute")
    finally:
        connection.rows("reset memory_limit")


def average_taken_over_days(warehouse: Warehouse, carry_limit_seconds: int) -> int:
    """Average sealed days anew, each from its partition, and seal them again.

    They are those that a rebuild has taken over from the lake, and those of which late metadata says something else.

    Returns:
        The number of days.
    """
    with warehouse.connect() as connection:
        find_usdt_ways(connection)
        connection.run("mart/taken_over_and_open.sql")
        days = [day for (day,) in connection.rows("select date from meta.taken_over_day order by date")]
    for day in days:
        with warehouse.connect() as connection:
            average_sealed_day(connection, day, carry_limit_seconds)
            roll_up_hours(connection)
        seal(warehouse, day)
        with warehouse.connect() as connection:
            connection.rows("delete from meta.taken_over_day where date = $day", day=day)
    return len(days)


def _expect(connection: Connection, since: datetime, until: datetime) -> None:
    connection.run("mart/minute_expectation.sql", since=since - REACH, until=until + REACH)


def _fill_silences(
    connection: Connection, since: datetime, until: datetime, changed_around: timedelta, carry_limit_seconds: int
) -> None:
    """Make the gap rows of silences that begin or end in due minutes; those that lie up to so much around the span."""
    connection.run(
        "mart/silent_minutes.sql",
        since=since,
        until=until,
        changed_since=since - changed_around,
        changed_until=until + changed_around,
        gap_limit_minutes=REACH // timedelta(minutes=1),
        carry_limit_seconds=carry_limit_seconds,
    )
    # Inserting no rows, in a transaction that inserts more than a row group as well, hides rows from this connection
    # (DuckDB 1.5 and 2.0).
    if connection.count("silent_minute"):
        connection.run("mart/silent_rows.sql")


def roll_up_hours(connection: Connection) -> int:
    """Roll up every hour that is over and of which minutes have changed, from those minutes.

    Then what should agree in it is compared, and its sectors are measured. Works by spans of hours, as
    :func:`close_minutes` does, and reads the open days only: late data has opened its day again.

    Returns:
        The number of hours (of each source) that were made.
    """
    connection.run("mart/due_hours.sql")
    for since, until in connection.rows("mart/hour_spans.sql"):
        with connection.transaction():
            connection.run("mart/fact_price_hour.sql", since=since, until=until)
            _compare_parities(connection, since, until)
            connection.run("mart/sector_rolled_up.sql", since=since, until=until)
    measure_sectors(connection)
    return connection.count("due_hour")


def _compare_parities(connection: Connection, since: datetime, until: datetime) -> None:
    """Compare what should agree in the due hours of a span, from their roll-ups."""
    reviewed = resources.files("binance_assets").joinpath("mart/parity.csv")
    with resources.as_file(reviewed) as path:
        connection.run("mart/fact_parity_hour.sql", since=since, until=until, reviewed=str(path))


def measure_sectors(connection: Connection) -> int:
    """Measure how the sectors moved in the hours that were rolled up, and in those that late knowledge may change.

    That is metadata which came late, and other currencies that belong to a sector; sealed days are read for it.

    Returns:
        The number of hours (of each source) that were measured.
    """
    find_usdt_ways(connection)
    with connection.transaction():
        changed_since = connection.value("mart/sector_changed.sql")
        if changed_since is not None:
            connection.run("mart/sector_reopened.sql", since=changed_since)
            connection.run("mart/sector_progress.sql")
    measured = connection.count("meta.open_sector_hour")
    for since, until in connection.rows("mart/sector_spans.sql"):
        with connection.transaction():
            connection.run("mart/fact_sector_hour.sql", since=since, until=until, least_observed=SECTOR_LEAST_OBSERVED)
    return measured


def roll_up_days(connection: Connection) -> int:
    """Roll up every day that is over and of which hours have changed, from those hours; day by day.

    Returns:
        The number of days (of each source) that were made.
    """
    connection.run("mart/due_days.sql")
    for (day,) in connection.rows("select distinct date_utc from due_day order by date_utc"):
        with connection.transaction():
            connection.run("mart/fact_price_day.sql", date=day)
    return connection.count("due_day")


def update_gaps(connection: Connection) -> int:
    """Bring the ledger of gaps up to date with what was landed since, whatever time it is from.

    Looks again at what lies between the answers before and after the new ones, and reads sealed days only where late
    evidence or a long outage reaches into them. Does nothing while prices wait to be stored.

    Returns:
        The number of rows of ``mart.gap`` that are new or changed.
    """
    with connection.transaction():
        # The first time, after a rebuild, the days that were taken over from the lake are new, too.
        is_new = not connection.value("select count(*) from meta.progress where model = 'mart.gap'")
        is_taken_over = is_new and connection.count("meta.sealed_partition") > 0
        connection.run("mart/gap_sealed.sql" if is_taken_over else "mart/gap_open.sql")
        [(first_at, last_at, has_metadata, is_ready)] = connection.rows("mart/gap_pending.sql")
        if not is_ready:
            return 0
        if first_at is None and not has_metadata:
            connection.run("mart/gap_progress.sql")
            return 0
        connection.run("mart/gap_changed.sql")
        if has_metadata:
            connection.run("mart/gap_expected.sql")
            [(described_first_at, described_last_at)] = connection.rows("mart/gap_described.sql")
            first_at = min(filter(None, (first_at, described_first_at)), default=None)
            last_at = max(filter(None, (last_at, described_last_at)), default=None)
        previous_at, next_at = _gap_window(connection, first_at, last_at)
        connection.run(
            "mart/gap_evidence.sql", previous_at=previous_at, next_at=next_at, exchange_errors=EXCHANGE_ERRORS
        )
        for batch in connection.records(
            "mart/gap_batches.sql", first_at=first_at or _AFTER_ALL, last_at=last_at or _BEFORE_ALL
        ):
            connection.run("mart/gap_pair.sql", **batch)
            if connection.count("gap_suspect"):
                connection.run("mart/gap_absence.sql", **batch)
        since = connection.value("mart/gap_unanswered.sql", first_at=first_at or _AFTER_ALL)
        if since is not None:
            if connection.value("select count(*) from meta.sealed_partition where date >= $since", since=since):
                connection.run("mart/gap_sealed.sql")
            connection.run("mart/gap_first_answer.sql", since=since)
        connection.run("mart/gap_touched.sql", previous_at=previous_at, next_at=next_at, has_metadata=has_metadata)
        connection.run("mart/gap_progress.sql")
        if not connection.count("gap_changed"):
            return 0
        connection.run("mart/gap.sql", metadata_interval=METADATA_INTERVAL)
        connection.run("mart/gap_shown.sql")
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
