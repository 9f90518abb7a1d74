"""Fills the core tables from the holding tables. Each function is one transaction, and does nothing the second time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, time
from importlib import resources
from typing import Any

from binance_assets.lake import reopen
from binance_assets.warehouse import Connection

PAIR_CHANGES = ("listed", "returned", "halted", "resumed", "removed", "rules_changed")
"""What metadata can change of a pair: TRADING ends when it is halted, and begins again when it is resumed."""

SHOWN_CHANGES = 50
"""How many changes are told one by one."""


def load_currencies(connection: Connection) -> None:
    """Add the currencies that metadata names for the first time, and what the reviewed list says of all."""
    with connection.transaction(), _package_file("currency.csv") as reviewed:
        connection.run("core/currency.sql", reviewed=reviewed)


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


@dataclass(frozen=True)
class PairChanges:
    """What new metadata has changed: how often each of PAIR_CHANGES happened, and the newest of the changes.

    A change has ``symbol``, ``what``, ``was``, ``is_now`` and ``changed_at``; of a rule, ``what`` is its column.
    """

    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(PAIR_CHANGES, 0))
    newest: list[dict[str, Any]] = field(default_factory=list)


def load_pair_history(connection: Connection) -> PairChanges:
    """Bring the rules of the pairs up to date with the metadata loaded since, whatever time it is from."""
    with connection.transaction():
        since = connection.value("core/pair_history_since.sql")
        if since is None:
            return PairChanges()
        connection.run("core/pair_history.sql", since=since)
        connection.run("core/progress.sql", model="core.pair_history")
        connection.run("core/reopened_listings.sql", since=since)
        connection.run("core/pair_change.sql", since=since)
        counts = dict(connection.rows("core/pair_change_counts.sql"))
        newest = connection.records("core/newest_pair_changes.sql", newest=SHOWN_CHANGES)
        return PairChanges({what: counts.get(what, 0) for what in PAIR_CHANGES}, newest)


COMPARISONS = 7
"""In how many listings a coin's price is compared with the exchange's; what most of them say counts."""

LEAST_PERCENT = 70
"""A map of coins, or a list of a category's members, with fewer of them than the one just before it is held back."""


def match_currencies(connection: Connection) -> int:
    """Find which coin of CoinMarketCap each currency is; the rest is left to review.

    By the newest map, and by the newest listings at which both had a price. Each of CoinMarketCap's listings is
    compared with the exchange's prices of its time, in a transaction of its own, and not again until something about
    that time is loaded.

    Returns:
        The number of listings that were compared.
    """
    listings = connection.rows("core/open_listings.sql")
    for (at,) in listings:
        with connection.transaction():
            connection.run("core/currency_price.sql", at=at)
            connection.run("core/coin_comparison.sql", at=at, comparisons=COMPARISONS)
    with connection.transaction(), _package_file("currency_coinmarketcap.csv") as reviewed:
        connection.run("core/coin_candidate.sql", reviewed=reviewed, comparisons=COMPARISONS)
        newest_at = connection.value("select max(listed_at) from meta.coin_listing")
        connection.run("core/currency_coinmarketcap.sql", newest_at=newest_at, least_percent=LEAST_PERCENT)
    return len(listings)


MEMBERSHIP_CHANGES = ("began", "ended", "goes on", "withdrawn")
"""What new lists can change of a membership; the last two come of lists older than known ones, and of another match."""


@dataclass(frozen=True)
class MembershipChanges:
    """What a load has changed of the memberships: how often each of MEMBERSHIP_CHANGES happened, and some of them."""

    counts: dict[str, int]
    newest: list[dict[str, Any]]


def load_categories(connection: Connection) -> MembershipChanges:
    """Bring the categories and their members up to date: of the project's own list, and of CoinMarketCap's."""
    with (
        connection.transaction(),
        _package_file("category.csv") as categories,
        _package_file("currency_category.csv") as curated,
    ):
        connection.run("core/category.sql", categories=categories)
        connection.run("core/category_list.sql", least_percent=LEAST_PERCENT)
        connection.run("core/currency_category.sql", curated=curated)
        counts = dict(connection.rows("select change, count(*) from membership_change group by change"))
        newest = connection.records("core/newest_membership_changes.sql", newest=SHOWN_CHANGES)
    return MembershipChanges({change: counts.get(change, 0) for change in MEMBERSHIP_CHANGES}, newest)


@contextmanager
def _package_file(name: str) -> Iterator[str]:
    """The path of one of the project's reviewed lists, for DuckDB to read."""
    with resources.as_file(resources.files("binance_assets").joinpath("core", name)) as path:
        yield str(path)


def _store_prices(connection: Connection) -> None:
    # Inserting no rows, in a transaction that inserts more than a row group as well, hides rows from this connection
    # (DuckDB 1.5 and 2.0).
    if connection.count("stored_price"):
        connection.run("core/stored_price.sql")
        connection.run("core/latest_price.sql")


def load_prices(connection: Connection) -> None:
    """Add the prices loaded since; those of symbols without metadata wait in a table of their own.

    Every minute that gets an observation is opened, so that its averages are made anew.
    """
    with connection.transaction():
        connection.run("core/described_price.sql")
        _store_prices(connection)
        [(captures, first_at, last_at)] = connection.rows("core/pending_prices.sql")
        if captures:
            connection.run("core/price_history.sql", first_at=first_at, last_at=last_at)
            _store_prices(connection)
        connection.run("core/progress.sql", model="core.price_history")
