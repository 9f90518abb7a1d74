"""Which pairs history is brought in for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches

from binance_assets.archive.zips import landed_zips, month_of, symbol_of
from binance_assets.landing import Landing
from binance_assets.warehouse import Connection


class UnknownPairs(Exception):
    """The exchange's metadata has no such pair, or no such quote currency."""


@dataclass(frozen=True)
class Choice:
    """At most one way of choosing pairs; without any, the watch list.

    Attributes:
        symbols: The exchange's names of the pairs, in any case.
        quote: All pairs that are priced in this currency.
        all_pairs: All pairs.

    Raises:
        ValueError: It is more than one way.
    """

    symbols: Sequence[str] = ()
    quote: str | None = None
    all_pairs: bool = False

    def __post_init__(self) -> None:
        if sum(map(bool, (self.symbols, self.quote, self.all_pairs))) > 1:
            raise ValueError("pairs are chosen by symbols, by quote, or all: by one of these")


def choose_pairs(connection: Connection, choice: Choice, watch_list: Sequence[str]) -> list[str]:
    """The symbols of the pairs, in order.

    A pair of the watch list that the metadata does not have is left out: the list is made for the exchange, and some
    exchanges have fewer pairs.

    Raises:
        UnknownPairs: A symbol, or the quote currency, is not in the metadata; the message has the nearest ones. Or
            there is no metadata.
    """
    quotes: dict[str, str] = dict(connection.rows("archive/pair_quotes.sql"))
    if not quotes:
        raise UnknownPairs("No pairs are known here yet. The job `refresh` asks the exchange for them.")
    if choice.quote:
        quote = _known(choice.quote, set(quotes.values()))
        if quote is None:
            raise UnknownPairs(_unknown("quote currency", [choice.quote], quotes.values()))
        return [symbol for symbol, of in quotes.items() if of == quote]
    if choice.all_pairs or (not choice.symbols and "*" in watch_list):
        return list(quotes)
    if choice.symbols:
        found = {symbol: _known(symbol, quotes.keys()) for symbol in choice.symbols}
        unknown = [symbol for symbol, known in found.items() if known is None]
        if unknown:
            raise UnknownPairs(_unknown("pair", unknown, quotes))
        return sorted({known for known in found.values() if known})
    watched = sorted(quotes.keys() & set(watch_list))
    if not watched:
        raise UnknownPairs(_unknown("pair", watch_list, quotes) + " They are those of BINANCE_WATCH_LIST.")
    return watched


def followed_pairs(landing: Landing, since: date) -> list[str]:
    """The symbols of the pairs of which a landed file is of the month of a day, or of a later one."""
    month = f"{since:%Y-%m}"
    return sorted({symbol_of(file) for file in landed_zips(landing) if month_of(file) >= month})


def _known(name: str, known: Iterable[str]) -> str | None:
    """The name as the exchange writes it."""
    return next((it for it in (name, name.upper()) if it in known), None)


def _unknown(what: str, names: Sequence[str], known: Iterable[str]) -> str:
    there = sorted(set(known))
    return "\n".join(f"There is no {what} {name}{_near(name.upper(), there)}." for name in names)


def _near(name: str, known: Sequence[str]) -> str:
    near = get_close_matches(name, known, n=3, cutoff=0.7)
    return f" (did you mean {' or '.join(near)}?)" if near else ""
