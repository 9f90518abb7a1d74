"""The folders of a home: one store for each source of data, and Dagster's own folder beside them.

::

    data/
        source              which source this home uses, once that is known
        weights.sqlite      request weight spent, shared by all processes of the home
        dagster/            runs, schedules and logs
        live/               what is real: collected, imported
            landing/ warehouse.duckdb export/
        sandbox/            what is simulated; never in one warehouse with the above
            landing/ warehouse.duckdb export/
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import get_args

import dagster as dg

from binance_assets.landing import Landing
from binance_assets.settings import Settings, Source
from binance_assets.warehouse import Warehouse


@dataclass(frozen=True)
class Store:
    """Everything of one source in one home. Real and simulated data each have their own."""

    path: Path
    source: Source

    @property
    def is_simulated(self) -> bool:
        """Whether the prices in it were made up by the sandbox exchange."""
        return self.source == "sandbox"

    @property
    def landing(self) -> Landing:
        """The responses as received."""
        return Landing(self.path / "landing")

    @property
    def warehouse(self) -> Warehouse:
        """The DuckDB file."""
        return Warehouse(self.path / "warehouse.duckdb", self.source)

    @property
    def export(self) -> Path:
        """The files that people and BI tools read."""
        return self.path / "export"


@dataclass(frozen=True)
class Home:
    """A home by its absolute path."""

    path: Path

    @classmethod
    def of(cls, settings: Settings) -> Home:
        """The home that the settings name."""
        return cls(settings.home.resolve())

    def store(self, source: Source) -> Store:
        """The store of a source, whether or not there is anything in it yet."""
        return Store(self.path / source, source)

    @property
    def stores(self) -> list[Store]:
        """The stores that hold anything."""
        return [self.store(source) for source in get_args(Source) if (self.path / source).exists()]

    @property
    def weights(self) -> Path:
        """The file with the request weight that the processes of this home have spent."""
        return self.path / "weights.sqlite"

    @property
    def chosen_source(self) -> Source | None:
        """The source that this home uses, None as long as nobody has chosen."""
        try:
            text = (self.path / "source").read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            return None
        return next((source for source in get_args(Source) if source == text), None)

    def choose_source(self, source: Source) -> None:
        """Use this source from now on, where no setting says otherwise."""
        self.path.mkdir(parents=True, exist_ok=True)
        temporary = self.path / f".source-{os.getpid()}"
        temporary.write_text(f"{source}\n", encoding="utf-8")
        temporary.replace(self.path / "source")

    def known_source(self, settings: Settings) -> Source | None:
        """The source by the setting, else as chosen before, else of the only data there is; else None."""
        if settings.source != "auto":
            return settings.source
        if self.chosen_source:
            return self.chosen_source
        return self.stores[0].source if len(self.stores) == 1 else None

    @property
    def dagster(self) -> Path:
        """Where Dagster keeps its runs: DAGSTER_HOME where that is set, else a folder of the home."""
        return Path(os.environ.get("DAGSTER_HOME") or self.path / "dagster")

    def prepare_dagster(self) -> None:
        """Point Dagster to its folder, with the project's settings unless the folder is somebody else's."""
        folder = self.dagster
        folder.mkdir(parents=True, exist_ok=True)
        settings = resources.files("binance_assets").joinpath("dagster.yaml").read_text(encoding="utf-8")
        file = folder / "dagster.yaml"
        if folder == self.path / "dagster" and not (file.exists() and file.read_text(encoding="utf-8") == settings):
            file.write_text(settings, encoding="utf-8")
        os.environ["DAGSTER_HOME"] = str(folder)

    def dagster_instance(self) -> dg.DagsterInstance:
        """The Dagster instance of this home."""
        self.prepare_dagster()
        events = self.dagster / "event_log.db"
        is_new = not events.exists()
        instance = dg.DagsterInstance.get()
        if is_new and events.exists():
            _enlarge_pages(events)
        return instance


def _enlarge_pages(database: Path) -> None:
    """Give a new SQLite file larger pages: an event fills not quite half of a usual one, and wastes the rest."""
    with closing(sqlite3.connect(database, isolation_level=None, timeout=30)) as connection:
        connection.execute("pragma journal_mode = delete")  # the size cannot be changed with a write-ahead log
        connection.execute("pragma page_size = 16384")
        connection.execute("vacuum")
        connection.execute("pragma journal_mode = wal")
