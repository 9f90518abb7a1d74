"""How far a download from the archive is, as a bar in the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from binance_assets.landing.archive import OnProgress
from binance_assets.landing.archive import Progress as Downloaded


@contextmanager
def download_bar(console: Console) -> Iterator[OnProgress]:
    """A bar with the rate and the time that is left, of what has to be downloaded, and how much was there already."""
    columns = (
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("asking the archive what there is", total=None)

        def show(now: Downloaded) -> None:
            ended = now.downloaded.files + now.refused.files
            said = f"{ended:,} of {now.listed.files - now.skipped.files:,} files"
            said += f", {now.skipped.files:,} were there" if now.skipped.files else ""
            said += f", [red]{now.refused.files:,} refused[/]" if now.refused.files else ""
            bar.update(
                task,
                total=now.listed.bytes - now.skipped.bytes,
                completed=now.downloaded.bytes + now.refused.bytes,
                description=said,
            )

        yield show
