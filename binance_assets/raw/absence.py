"""Finds the symbols that the exchange no longer lists: metadata says so only by leaving them out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from binance_assets.warehouse import Connection

SHRINK_LIMIT = 0.2
"""Share of its symbols that a response of the whole market may lose against what was there before."""

BELIEVED_AFTER = timedelta(days=1)
"""How long our own responses must leave out more than that share, until it is believed."""

Answer = tuple[str, datetime, bool, Iterable[str], Iterable[str]]
"""An exchangeInfo response: its id and time, whether it is our own, the symbols that it describes, all that it names.

Our own requests ask for the whole market. A file that was imported may be of a part of it.
"""

Absence = tuple[str, datetime, str]
"""Id and time of a response, and a symbol that it no longer lists."""

Doubt = tuple[str, datetime, datetime | None]
"""A symbol that may be gone: since when our own responses leave it out, and when that was settled."""


def find_absent_symbols(connection: Connection) -> None:
    """Compare the judged responses with what was listed before them; what is gone is in ``absent_symbol`` then."""
    listed = {symbol for (symbol,) in connection.rows("raw/listed_symbols.sql")}
    doubted = dict(connection.rows("raw/open_doubts.sql"))
    absences, doubts = absent_symbols(listed, doubted, connection.rows("raw/named_symbols.sql"))
    connection.run(
        "raw/absent_symbol.sql",
        capture_ids=[capture_id for capture_id, _, _ in absences],
        instants=[instant for _, instant, _ in absences],
        symbols=[symbol for _, _, symbol in absences],
    )
    connection.run(
        "raw/doubted_symbol.sql",
        symbols=[symbol for symbol, _, _ in doubts],
        missing_since=[since for _, since, _ in doubts],
        ended_at=[until for _, _, until in doubts],
    )


def absent_symbols(
    listed: Iterable[str], doubted: Mapping[str, datetime], answers: Iterable[Answer]
) -> tuple[list[Absence], list[Doubt]]:
    """Which symbols each response leaves out that were listed before it, and which of them may be gone.

    A response that leaves out at most SHRINK_LIMIT of them is of the whole market: they are gone. If it leaves out more
    it may have been cut, and they are gone only if it is our own, and no response has named them since one of our own
    left them out BELIEVED_AFTER ago or earlier. A symbol whose description was refused is there all the same.

    Args:
        listed: The symbols that were listed before the first response.
        doubted: Those of them that may be gone, and since when.
        answers: The responses, in order of time.

    Returns:
        The absences, and all doubts: those there were, and those that the responses raise.
    """
    listed, missing_since = set(listed), dict(doubted)
    absences: list[Absence] = []
    settled: list[Doubt] = []
    for capture_id, instant, is_own, described, named in answers:
        missing = listed.difference(named)
        gone: set[str] = set()
        if len(missing) <= SHRINK_LIMIT * len(listed):
            gone = missing
        elif is_own:
            missing_since = dict.fromkeys(missing, instant) | missing_since
            gone = {symbol for symbol in missing if instant - missing_since[symbol] >= BELIEVED_AFTER}
        absences += ((capture_id, instant, symbol) for symbol in gone)
        over = missing_since.keys() - (missing - gone)
        settled += ((symbol, missing_since.pop(symbol), instant) for symbol in over)
        listed -= gone
        listed.update(described)
    return absences, [*settled, *((symbol, since, None) for symbol, since in missing_since.items())]
