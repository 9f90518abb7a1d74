"""Writes the report of a day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from binance_assets.export.publish import DamagedExport
from binance_assets.export.versions import current
from binance_assets.home import Store
from binance_assets.report.findings import Findings, NothingToReport, findings_of
from binance_assets.report.pages import escaped, html, markdown
from binance_assets.report.sections import page_of


@dataclass(frozen=True)
class Report:
    """A report that was written.

    Attributes:
        folder: Where: ``report.html`` by itself, ``report.md`` with its pictures.
        findings: Its figures.
        title: What it is about.
        headlines: One sentence for each finding.
    """

    folder: Path
    findings: Findings
    title: str
    headlines: list[str]

    @property
    def html(self) -> Path:
        """The page to open."""
        return self.folder / "report.html"

    @property
    def markdown(self) -> Path:
        """The same as Markdown."""
        return self.folder / "report.md"

    @property
    def summary(self) -> str:
        """The headlines as a list in Markdown."""
        return "\n".join(f"- {escaped(headline)}" for headline in self.headlines)


def write_report(store: Store, day: date | None = None, folder: Path | None = None) -> Report:
    """Write the report of a day from the store's export, in place of one that is there.

    The warehouse is not opened, so it works while the collector has it.

    Args:
        store: Whose export.
        day: In UTC; the newest with prices, if none is named.
        folder: Where to; a folder of the day in the store's ``reports/``, if none is named.

    Raises:
        NothingToReport: There is no export, or it has no prices of that day.
        DamagedExport: It cannot be read.
        OSError: It cannot be written there.
    """
    version = current(store.export)
    if version is None:
        raise NothingToReport(f"There is no export in {store.export} yet. `binance-assets run` makes one.")
    try:
        findings = findings_of(version, day)
    except duckdb.Error as error:
        raise DamagedExport(
            f"The export in {version} is damaged, or of another version of this project: {error}. "
            "`binance-assets run` publishes a new set in its place."
        ) from error
    page = page_of(findings)
    folder = folder or store.path / "reports" / findings["day"].isoformat()
    folder.mkdir(parents=True, exist_ok=True)
    for section in page.sections:
        picture = folder / f"{section.plot.name}.svg" if section.plot else None
        if section.plot and picture:
            _write(picture, section.plot.svg)
    _write(folder / "report.md", markdown(page))
    _write(folder / "report.html", html(page))
    return Report(folder, findings, page.title, page.headlines)


def _write(file: Path, text: str) -> None:
    """Whoever has it open sees the one before or this one."""
    temporary = file.with_name(f".{file.name}.tmp")
    temporary.write_text(text, encoding="utf-8", newline="\n")
    temporary.replace(file)
