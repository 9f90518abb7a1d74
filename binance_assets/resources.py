"""Dagster resources: thin doors to the home's store, to its exchange and its archive, and to CoinMarketCap."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import cast

import dagster as dg
from pydantic import Field, SecretStr

from binance_assets.clients.archive import ArchiveClient
from binance_assets.clients.binance import BinanceClient
from binance_assets.clients.budget import SHARE
from binance_assets.clients.coinmarketcap import CoinMarketCapClient
from binance_assets.exchange import choose_source, open_archive, open_client, open_coinmarketcap
from binance_assets.home import Home, Store
from binance_assets.settings import Settings, Source, load_settings


class HomeResource(dg.ConfigurableResource):
    """The home of the settings, and in it the store that a run works on.

    ``source`` (live or sandbox) overrides the home's own: an import always goes to the real data.
    """

    source: str = Field(default="", pattern="^(live|sandbox)?$")

    @cached_property
    def settings(self) -> Settings:
        """The settings, read once for each run."""
        return load_settings()

    @property
    def home(self) -> Home:
        """The home that the settings name."""
        return Home.of(self.settings)

    @property
    def store(self) -> Store:
        """The store that this run works on."""
        source = cast("Source", self.source) if self.source else choose_source(self.settings, self.home)[0]
        return self.home.store(source)

    @contextmanager
    def exchange(self, share: float = SHARE) -> Iterator[BinanceClient]:
        """A client of the store's exchange, which spends up to a share of the request weight."""
        with open_client(self.settings, self.home, self.store.source, share=share) as client:
            yield client

    @contextmanager
    def archive(self) -> Iterator[ArchiveClient]:
        """A client of the archive of the store's exchange."""
        with open_archive(self.settings, self.store.source) as client:
            yield client

    @contextmanager
    def coinmarketcap(self, key: SecretStr) -> Iterator[CoinMarketCapClient]:
        """A client of CoinMarketCap with a key, for the store's source."""
        with open_coinmarketcap(self.settings, self.store.source, key) as client:
            yield client
