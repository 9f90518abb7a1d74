"""Finds the symbols that the exchange no longer lists: metadata says so only by leaving them out."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from binance_assets.warehouse import Connection

SHRINK_LIMIT = 0.2
"""Share of its symbols that a response of the whole market may lose against what was there before."""

Answer = tuple[str, datetime, Iterable[str], Iterable[str]]
"""An exchangeInfo response: its id and time, the symbols that it describes, and all that it names."""

Absence = tuple[str, datetime, str]
"""Id and time of a response, and a symbol that it no longer lists."""


def find_absent_symbols(connection: Connection) -> None:
    """Compare the judged responses with what was listed before them; what is gone is in ``absent_symbol`` then."""
    listed = {symbol for (symbol,) in connection.rows("raw/listed_symbols.sql")}
    absences = absent_symbols(listed, connection.rows("raw/named_symbols.sql"))
    connection.run(
        "raw/absent_symbol.sql",
        capture_ids=[capture_id for capture_id, _, _ in absences],
        instants=[instant for _, instant, _ in absences],
        symbols=[symbol for _, _, symbol in absences],
    )


def absent_symbols(listed: Iterable[str], answers: Iterable[Answer]) -> list[Absence]:
    """Which symbols each response leaves out that were listed before it.

    A response that leaves out more than SHRINK_LIMIT of them is not of the whole market, and tells nothing of what is
    not in it. A symbol whose description was refused is there all the same.

    Args:
        listed: The symbols that were listed before the first response.
        answers: The responses, in order of time.
    """
    listed = set(listed)
    absences: list[Absence] = []
    for capture_id, instant, described, named in answers:
        gone = listed.difference(named)
        if len(gone) <= SHRINK_LIMIT * len(listed):
            absences += ((capture_id, instant, symbol) for symbol in gone)
            listed -= gone
        listed.update(described)
    return absences
