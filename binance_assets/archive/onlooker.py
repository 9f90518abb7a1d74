"""Who is told how far a backfill is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from binance_assets.archive.load import LoadedMonth
from binance_assets.landing.archive import Amount, OnProgress, Outcome


class Onlooker:
    """Is told, and does nothing with it. The command line sets one that shows it, as the resource ``onlooker``."""

    def waits(self, what_for: str) -> None:
        """Somebody else has to be done first."""

    def to_come(self, amount: Amount, free: int) -> None:
        """So much has to be downloaded, and so many bytes are free on the disk."""

    def downloading(self) -> AbstractContextManager[OnProgress]:
        """For as long as files come."""
        return _nobody()

    def brought(self, outcome: Outcome) -> None:
        """What the download came to."""

    def asking(self, minutes: int) -> AbstractContextManager[Callable[[int], object]]:
        """For as long as the API is asked for so many minutes that no file brings; is told how many are answered."""
        return _nobody()

    def not_asked(self, why: str) -> None:
        """The API could not be asked for all of them."""

    def loading(self, months: int) -> AbstractContextManager[Callable[[LoadedMonth], object]]:
        """For as long as months are put together: about so many."""
        return _nobody()

    def not_loaded(self, why: str) -> None:
        """What was landed is not loaded by this run."""


@contextmanager
def _nobody() -> Iterator[Callable[[object], object]]:
    yield lambda it: None
