"""Fills the core tables from the holding tables. Each function is one transaction, and does nothing the second time."""

from __future__ import annotations

from datetime import datetime, time
from importlib import resources

from binance_assets.lake import reopen
from binance_assets.warehouse import Connection


def load_currencies(connection: Connection) -> None:
    """Add the currencies that metadata names for the first time, and what the reviewed list says of all."""
    reviewed = resources.files("binance_assets").joinpath("core/currency.csv")
    with resources.as_file(reviewed) as path, connection.transaction():
        connection.run("core/currency.sql", reviewed=str(path))


def load_pairs(connection: Connection) -> None:
    """Add the pairs that metadata describes for the first time, and when each was seen.

    Sealed days in which prices wait for one of them are opened again, so that those can move.
    """
    with connection.transaction():
        before = connection.count("core.pair")
        connection.run("core/pair.sql")
        if connection.count("core.pair") > before:
            for (day,) in connection.rows("core/described_days.sql"):
                noon = datetime.combine(day, time(12))
                reopen(connection, noon, noon)


def load_pair_history(connection: Connection) -> None:
    """Bring the rules of the pairs up to date with the metadata loaded since, whatever time it is from."""
    with connection.transaction():
        since = connection.value("core/pair_history_since.sql")
        if since is not None:
            connection.run("core/pair_history.sql", since=since)
            connection.run("core/progress.sql", model="core.pair_history")


def load_prices(connection: Connection) -> None:
    """Add the prices loaded since; those of symbols without metadata wait in a table of their own.

    Every minute that gets an observation is opened, so that its averages are made anew.
    """
    with connection.transaction():
        connection.run("core/described_price.sql")
        connection.run("core/latest_price.sql")
        [(captures, first_at, last_at)] = connection.rows("core/pending_prices.sql")
        if captures:
            connection.run("core/price_history.sql", first_at=first_at, last_at=last_at)
            connection.run("core/latest_price.sql")
        connection.run("core/progress.sql", model="core.price_history")
