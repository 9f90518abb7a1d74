"""Lands what is due of CoinMarketCap's coins and categories, piece by piece.

A piece is one list with all its pages, and one landing file: the map of all coins and the listings once a day, the list
of categories and the members of each wanted one once in seven days, by the calendar of UTC. When a piece was answered
last is seen from the names of the landed files. So a kill loses the piece in flight at most, and the next run goes on
where it stopped.

A piece whose data is that of its newest file is not landed again. That it was asked for is then remembered in a file
beside the landing folder, :data:`MEMORY`. Without that file it is only asked for once more.
"""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from importlib import resources
from typing import Any, NamedTuple

import duckdb

from binance_assets.clients import parse_json
from binance_assets.clients.coinmarketcap import (
    CATEGORIES,
    CATEGORY,
    LISTINGS,
    MAP,
    CoinMarketCapClient,
    Endpoint,
    Page,
)
from binance_assets.clients.coinmarketcap_errors import CoinMarketCapError, PlanExcludesEndpoint
from binance_assets.files import sync
from binance_assets.landing import Capture, Landing, LandingFile
from binance_assets.sql import sql

MEMORY = "coinmarketcap.json"
"""Name of the file that remembers when a piece was answered with what was landed before."""

DAILY, WEEKLY = timedelta(days=1), timedelta(days=7)

LOOKED_BACK = timedelta(days=8)
"""How old the landed files are that are looked at. So what never changes is landed again after this time."""

Connect = Callable[[], AbstractContextManager[CoinMarketCapClient]]


class Piece(NamedTuple):
    """A list with all its pages.

    Attributes:
        name: As landed.
        endpoint: That gives it.
        every: How often it is wanted.
        ask: Gets it.
    """

    name: str
    endpoint: Endpoint
    every: timedelta
    ask: Callable[[CoinMarketCapClient], list[Page]]


@dataclass
class Fetched:
    """What came of asking.

    Attributes:
        landed: Pieces that were landed.
        unchanged: Pieces that were answered with what was landed before.
        errors: Why pieces are missing.
        not_there: Wanted categories that CoinMarketCap does not list.
        credits_left: By the plan of the key, None where they are not limited or nothing was due.
    """

    landed: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    errors: list[CoinMarketCapError] = field(default_factory=list)
    not_there: list[str] = field(default_factory=list)
    credits_left: int | None = None

    @property
    def needs_somebody(self) -> bool:
        """Whether an error will not pass by itself."""
        return any(not error.passes for error in self.errors)

    @property
    def trouble(self) -> str:
        """What is not as it should be, for people: the first error of each kind, and how many there are of it."""
        counts = Counter(type(error) for error in self.errors)
        firsts = {type(error): error for error in reversed(self.errors)}
        texts = [
            f"{firsts[kind]}" + (f"\n{count - 1} more of this kind." if count > 1 else "")
            for kind, count in counts.items()
        ]
        if self.not_there:
            texts.append(
                f"CoinMarketCap lists no category named {' or '.join(map(repr, self.not_there))}; "
                "its name in the package's core/category.csv has to follow."
            )
        return "\n".join(texts)


def fetch_due(connect: Connect, landing: Landing, source: str, wanted: Sequence[str], now: datetime) -> Fetched:
    """Ask for what is due, and land each piece as it arrives. One process at a time.

    Args:
        connect: Opens a client; called only if something is due.
        landing: Of the store.
        source: The store's.
        wanted: Names of the categories whose members are wanted.
        now: Naive UTC.
    """
    answered = _Answered(landing, now)
    fetched = Fetched()
    excluded: set[Endpoint] = set()
    client: CoinMarketCapClient | None = None
    with ExitStack() as opened:
        for piece in _pieces(answered, wanted, fetched):
            if piece.endpoint in excluded or not answered.is_due(piece):
                continue
            client = client or opened.enter_context(connect())
            try:
                pages = piece.ask(client)
            except CoinMarketCapError as error:
                fetched.errors.append(error)
                if isinstance(error, PlanExcludesEndpoint):
                    excluded.add(piece.endpoint)
                elif not error.only_here:
                    break
            else:
                is_new = answered.keep(piece, pages, source)
                (fetched.landed if is_new else fetched.unchanged).append(piece.name)
        fetched.credits_left = client.credits_left if client else None
    return fetched


def wanted_categories() -> list[str]:
    """The names of CoinMarketCap's categories that belong to a sector of this project."""
    text = resources.files("binance_assets.core").joinpath("category.csv").read_text(encoding="utf-8")
    return [row["name"] for row in csv.DictReader(text.splitlines()) if row["provider"] == "coinmarketcap"]


def _pieces(answered: _Answered, wanted: Sequence[str], fetched: Fetched) -> Iterator[Piece]:
    """All pieces, those of single categories by the newest list of categories, which may just have been landed."""
    yield Piece(MAP.name, MAP, DAILY, CoinMarketCapClient.coins)
    yield Piece(LISTINGS.name, LISTINGS, DAILY, CoinMarketCapClient.listings)
    yield Piece(CATEGORIES.name, CATEGORIES, WEEKLY, CoinMarketCapClient.categories)
    listed = _listed_categories(answered.data_of(CATEGORIES.name))
    for name in wanted if listed else ():
        if name in listed:
            yield _members(*listed[name])
        else:
            fetched.not_there.append(name)


def _members(category_id: str, coin_count: int) -> Piece:
    return Piece(
        f"{CATEGORY.name}/{category_id}", CATEGORY, WEEKLY, lambda client: client.category(category_id, coin_count)
    )


def _listed_categories(pages: Sequence[Any]) -> dict[str, tuple[str, int]]:
    """Id and number of members by name; a row whose id could not be part of a file's name is none."""
    rows = [row for page in pages for row in page if isinstance(row, dict)]
    return {
        str(row.get("name")): (row["id"], int(row["num_tokens"]) if str(row.get("num_tokens")).isdecimal() else 0)
        for row in rows
        if re.fullmatch("[0-9a-f]{24}", str(row.get("id")))
    }


class _Answered:
    """When each piece was answered last, and with what."""

    def __init__(self, landing: Landing, now: datetime) -> None:
        self._landing = landing
        self._now = now
        self._path = landing.path.parent / MEMORY
        files = landing.files_after(f"{now - LOOKED_BACK:%Y-%m-%d}/")
        self._newest = {_piece_in(file): file for file in files if "_coinmarketcap_" in file.name}
        self._unchanged = self._remembered()

    def is_due(self, piece: Piece) -> bool:
        """Whether it is to be asked for today. The list of categories also is when none is at hand."""
        file = self._newest.get(_in_file_names(piece.name))
        if file is None and piece.endpoint is CATEGORIES:
            return True
        instants = [self._unchanged.get(piece.name), file.landed_at if file else None]
        last = max((instant for instant in instants if instant), default=None)
        return last is None or self._now.date() - last.date() >= piece.every

    def data_of(self, name: str) -> list[Any]:
        """The data of a piece's newest file, page by page; nothing if none is at hand."""
        file = self._newest.get(_in_file_names(name))
        if file is None:
            return []
        with duckdb.connect() as duck:
            bodies = duck.execute(sql("landing/pages.sql"), {"path": self._landing.absolute(file)}).fetchall()
        return [parse_json(body)["data"] for (body,) in bodies]

    def keep(self, piece: Piece, pages: Sequence[Page], source: str) -> bool:
        """Land an answer, or remember that it brought nothing new; returns whether it was landed."""
        if self.data_of(piece.name) == [page.data for page in pages]:
            self._remember(piece.name)
            return False
        captures = [
            Capture(
                piece.name,
                source,
                page.received_at,
                page.body,
                base_url=page.base_url,
                requested_at=page.requested_at,
            )
            for page in pages
        ]
        self._newest[_in_file_names(piece.name)] = self._landing.land_minute(captures)
        return True

    def _remembered(self) -> dict[str, datetime]:
        try:
            remembered = json.loads(self._path.read_text(encoding="utf-8"))
            return {name: datetime.fromisoformat(instant) for name, instant in remembered.items()}
        except (FileNotFoundError, ValueError):
            return {}

    def _remember(self, name: str) -> None:
        self._unchanged[name] = self._now
        temporary = self._path.with_suffix(".tmp")
        text = json.dumps({name: instant.isoformat() for name, instant in self._unchanged.items()}, indent=1)
        temporary.write_text(text, encoding="utf-8")
        sync(temporary)
        temporary.replace(self._path)


def _in_file_names(piece: str) -> str:
    return piece.replace("/", "_")


def _piece_in(file: LandingFile) -> str:
    """The piece in a landing file's name, between instant and identity."""
    return file.name.partition("_")[2].rpartition("_")[0]
