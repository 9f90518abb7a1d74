"""Closes gaps from the exchange's own candles, and explains those that it has none for.

What was sampled stays as it was sampled: a repaired minute has the candle's row beside it, with its true source. The
ledger says from where, or why not: the exchange has no candle of a minute for any pair (``exchange_outage``), or
nothing was traded in it (``no_trades``). All of it is a function of what is landed, the answers without candles
included, so that nothing is asked twice, and a rebuild says the same.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from binance_assets.archive.load import load_archive
from binance_assets.clients import BinanceClient, ExchangeError
from binance_assets.clients.archive import ArchiveClient
from binance_assets.home import Store
from binance_assets.landing.archive import download
from binance_assets.landing.klines import CandleSpan, bring_candles
from binance_assets.mart.models import find_usdt_ways
from binance_assets.raw.load import load
from binance_assets.sql import sql
from binance_assets.warehouse import Connection

log = logging.getLogger(__name__)

SETTLED = timedelta(minutes=2)
"""How long after its end the candles of a gap are asked for."""

MOST_ANSWERS = 1000
"""What the API is asked in one run at most: a third of the weight of a minute. The next run goes on."""

MOST_FILES = 500
"""Daily files of the archive that are taken in one run at most; what they would bring, the API is asked."""


class Waiting(NamedTuple):
    """The minutes that are not known yet: of gaps of the sampling, and of those that the archive's files have."""

    of_sampling: list[CandleSpan]
    of_archive: list[CandleSpan]

    @property
    def all(self) -> list[CandleSpan]:
        """All of them, each once."""
        return list(dict.fromkeys([*self.of_sampling, *self.of_archive]))


@dataclass(frozen=True)
class Repaired:
    """What a repair did.

    Attributes:
        files: Files that came from the archive.
        answers: Answers that came from the API.
        candles: Candles in these.
        waiting: Spans that still wait for candles: the next repair asks for them.
    """

    files: int = 0
    answers: int = 0
    candles: int = 0
    waiting: int = 0


def repair_gaps(
    store: Store,
    client: BinanceClient,
    archive: ArchiveClient,
    symbols: Sequence[str] | None,
    now: datetime,
    most_answers: int = MOST_ANSWERS,
) -> Repaired:
    """Bring the candles of the gaps that have ended and that nothing repairs or explains, and say so in the ledger.

    From the archive where it has the day, else from the API. What was landed before a kill is not asked for again.

    Args:
        store: Whose gaps.
        client: Of the store's exchange, one that leaves request weight to the collector.
        archive: Of the store's exchange.
        symbols: The pairs that gaps of the whole market are repaired for; None for all that were trading. Those of
            which somebody has brought the archive's months are among them in any case.
        now: Naive UTC.
        most_answers: What the API is asked at most.

    Raises:
        ExchangeError: The exchange's API cannot be reached, or does not want to.
        ArchiveInUse: Another process is loading the archive.
    """
    waiting = _take_stock(store, symbols, now)
    files = answers = candles = 0
    if waiting.of_sampling:
        files = _bring_days(store, archive, waiting.of_sampling, now)
        if files:
            waiting = _take_stock(store, symbols, now)
    if waiting.all:
        brought = bring_candles(client, store.landing, store.source, waiting.all[:most_answers])
        for error in brought.refused:
            log.warning("%s", error)
        answers, candles = brought.answers, brought.candles
        waiting = _take_stock(store, symbols, now)
    return Repaired(files, answers, candles, len(waiting.all))


def explain_gaps(connection: Connection, symbols: Sequence[str] | None, now: datetime) -> Waiting:
    """Say in the ledger what the candles that there are say of gaps, and tell for which of them some are missing.

    Looks at gaps whose candles are others than when they were last looked at, one at a time, so that memory does not
    depend on how many there are. One transaction.

    Args:
        connection: To a warehouse in which all that is landed is loaded, months of candles included.
        symbols: As for :func:`repair_gaps`.
        now: Naive UTC.
    """
    find_usdt_ways(connection)
    of_sampling: list[CandleSpan] = []
    with connection.transaction():
        connection.run("repair/target.sql", symbols=None if symbols is None else list(symbols))
        for month, made_of in connection.rows("repair/changed_months.sql"):
            connection.run("repair/absent_minute.sql")
            for query in ("archive/absent_minutes.sql", "archive/refused_minutes.sql"):
                connection.duck.query(sql(query), params={"month": month}).insert_into("absent_minute")
            connection.run("repair/candle_gap.sql", month=month, made_of=made_of)
        connection.run("repair/due_gaps.sql", settled_at=now - SETTLED)
        for gap in connection.records("from due_gap order by since, pair_key"):
            of_sampling += _judge(connection, gap)
        connection.run("mart/gap_shown.sql")
        of_archive = [CandleSpan(*row) for row in connection.rows("repair/unasked_candle_gaps.sql")]
    return Waiting(of_sampling, of_archive)


def what_waits(connection: Connection, now: datetime) -> str | None:
    """A hash of what a repair could bring candles for; None if there is nothing. Reads the ledger only."""
    found: str | None = connection.value("repair/pending.sql", settled_at=now - SETTLED)
    return found


def _judge(connection: Connection, gap: Mapping[str, Any]) -> list[CandleSpan]:
    """Say what the candles say of a gap, if those of all its minutes are known; else what to ask for."""
    connection.run("repair/gap_candles.sql", **gap)
    unasked = [CandleSpan(*row) for row in connection.rows("repair/unasked.sql", since=gap["since"])]
    if not unasked:
        connection.run("repair/verdict.sql", **gap)
    return unasked


def _take_stock(store: Store, symbols: Sequence[str] | None, now: datetime) -> Waiting:
    """Load what was landed, and see what is missing."""
    with store.warehouse.connect() as connection:
        load(connection, store.landing)
    load_archive(store.warehouse, store.landing)
    with store.warehouse.connect() as connection:
        return explain_gaps(connection, symbols, now)


def _bring_days(store: Store, archive: ArchiveClient, spans: Iterable[CandleSpan], now: datetime) -> int:
    """Land the archive's daily files of the days of some spans that are over, if it has them. Returns how many came."""
    wanted: defaultdict[date, set[str]] = defaultdict(set)
    for span in spans:
        day = span.first.date()
        while day <= span.last.date() and day < now.date():
            wanted[day].add(span.symbol)
            day += timedelta(days=1)
    came, left = 0, MOST_FILES
    for day, symbols in sorted(wanted.items()):
        chosen = sorted(symbols)[:left]
        left -= len(chosen)
        if not chosen:
            break
        try:
            outcome = download(store.landing, archive, chosen, day, day, scopes=("daily",))
        except ExchangeError as error:
            log.warning("%s", error)
            break
        came += outcome.progress.downloaded.files
    return came
