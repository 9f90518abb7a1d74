"""The command that writes the findings of a day."""

from __future__ import annotations

import json
import sys
from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer

from binance_assets.cli.common import EXIT_FAILED, EXIT_USAGE, Wanted, errors, fail, out, wanted_store
from binance_assets.cli.show import SIMULATED


def report(
    day: Annotated[
        str | None, typer.Option(metavar="YYYY-MM-DD", help="In UTC; the newest day with prices, if none is named.")
    ] = None,
    to: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", file_okay=False, help="Where to write it; the home's reports/, a folder a day, if not named."
        ),
    ] = None,
    source: Wanted = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document, for programs.")] = False,
) -> None:
    """Write the findings of a day as a page with pictures, and print them in a few sentences.

    Who costs most in each quote currency, how prices are spread, the smallest ones, pegs, what was listed, removed and
    halted, sectors, and how complete the data is. report.html is one file to open in a browser or to send; report.md is
    the same as Markdown. It is computed from the export, so it works while the collector runs.
    """
    try:
        wanted = date.fromisoformat(day) if day else None
    except ValueError:
        fail(f"--day {day}: it should be a day such as 2026-10-01.", EXIT_USAGE)
    from binance_assets.report.findings import NothingToReport  # noqa: PLC0415 - the pictures' library is slow to load
    from binance_assets.report.write import write_report  # noqa: PLC0415

    _, store = wanted_store(source)
    try:
        written = write_report(store, wanted, to)
    except NothingToReport as error:
        fail(str(error), EXIT_FAILED)
    if written.findings["simulated"]:
        errors.print(SIMULATED)
    if as_json:
        document = {
            "html": str(written.html),
            "markdown": str(written.markdown),
            "headlines": written.headlines,
            **written.findings,
        }
        sys.stdout.write(json.dumps(document, indent=2, default=_plain, ensure_ascii=False) + "\n")
        return
    out.print(f"[bold]{written.title}[/]\n", highlight=False)
    for headline in written.headlines:
        out.print(f"· {headline}", markup=False, highlight=False)
    out.print(f"\n{written.html}\n{written.markdown}", markup=False, highlight=False, soft_wrap=True)


def _plain(value: object) -> str:
    """Days and instants, which are UTC, as JSON has them."""
    if isinstance(value, datetime):
        return f"{value.isoformat()}Z"
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{value!r} has no place in JSON.")
