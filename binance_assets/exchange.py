"""Which exchange, and which CoinMarketCap, a home talks to: the real one, or the sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from pydantic import SecretStr

from binance_assets.clients import (
    DEFAULT_BASE_URLS,
    BinanceClient,
    ExchangeError,
    Limits,
    WeightBudget,
    WrongExchange,
)
from binance_assets.clients.archive import ArchiveClient
from binance_assets.clients.budget import SHARE
from binance_assets.clients.coinmarketcap import CoinMarketCapClient
from binance_assets.clock import Clock
from binance_assets.home import Home
from binance_assets.sandbox import Sandbox
from binance_assets.settings import Settings, Source


def choose_source(settings: Settings, home: Home) -> tuple[Source, str]:
    """The home's source, and why. Asks the exchange only if neither a setting nor an earlier choice says.

    The first choice is written down: the home stays with it, whether or not the exchange can be reached. A setting that
    says otherwise counts for as long as it is set.
    """
    known = home.known_source(settings)
    if known:
        reason = "BINANCE_SOURCE says so" if settings.source == known else "this home has used it before"
        source = known
    else:
        source, reason = _probe(settings, home)
    if home.chosen_source is None:
        home.choose_source(source)
    return source, reason


@contextmanager
def open_client(
    settings: Settings,
    home: Home,
    source: Source,
    *,
    clock: Clock | None = None,
    within: float | None = None,
    share: float = SHARE,
) -> Iterator[BinanceClient]:
    """A client of the source's exchange, by a clock; one for sampling gives up ``within`` so many seconds.

    It spends up to a ``share`` of the request weight that the exchange allows.

    For the sandbox without an address of its own, one is started in this process for as long as the block lasts; its
    prices are a function of seed and time, so each one goes on where the last one was.
    """
    own_sandbox = source == "sandbox" and not settings.api_url
    with Sandbox() if own_sandbox else nullcontext() as sandbox:
        addresses = (sandbox.url,) if sandbox else settings.api_url or DEFAULT_BASE_URLS
        budget = WeightBudget(home.weights, clock=clock, share=share)
        patience = {} if within is None else _impatience(within)
        with BinanceClient(addresses, budget=budget, simulated=source == "sandbox", clock=clock, **patience) as client:
            yield client


@contextmanager
def open_archive(settings: Settings, source: Source) -> Iterator[ArchiveClient]:
    """A client of the exchange's archive, or of the source's sandbox, which has one too."""
    simulated = source == "sandbox"
    own_sandbox = simulated and not settings.api_url
    with Sandbox() if own_sandbox else nullcontext() as sandbox:
        address = sandbox.url if sandbox else settings.api_url[0] if simulated else settings.archive_url
        with ArchiveClient(address, simulated=simulated) as archive:
            yield archive


@contextmanager
def open_coinmarketcap(settings: Settings, source: Source, key: SecretStr) -> Iterator[CoinMarketCapClient]:
    """A client of CoinMarketCap, or of the source's sandbox, which plays it too."""
    simulated = source == "sandbox"
    own_sandbox = simulated and not settings.api_url
    with Sandbox() if own_sandbox else nullcontext() as sandbox:
        address = sandbox.url if sandbox else settings.api_url[0] if simulated else settings.coinmarketcap_api_url
        with CoinMarketCapClient(key, address, simulated=simulated) as client:
            yield client


def _impatience(seconds: float) -> dict[str, Any]:
    """Two attempts, and half of the time for each answer, so that a second address still gets its turn."""
    limits = Limits(connect_timeout=min(1.0, seconds / 2), read_timeout=seconds / 2, deadline=seconds / 2)
    return {"attempts": 2, "give_up_after": seconds, "limits": limits}


def _probe(settings: Settings, home: Home) -> tuple[Source, str]:
    addresses = settings.api_url or DEFAULT_BASE_URLS
    limits = Limits(connect_timeout=3, read_timeout=5, deadline=5)
    try:
        with BinanceClient(
            addresses, budget=WeightBudget(home.weights), limits=limits, attempts=1, give_up_after=5
        ) as client:
            client.server_time()
    except WrongExchange:
        return "sandbox", f"{addresses[0]} is a sandbox exchange"
    except ExchangeError as error:
        return "sandbox", f"the exchange does not answer here: {error.what}"
    return "live", "the exchange answers"
