"""The command that writes the Power BI project."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from binance_assets.cli.common import out
from binance_assets.export import contract
from binance_assets.powerbi import project
from binance_assets.powerbi.tmdl import FOLDER_PARAMETER


def powerbi(
    to: Annotated[Path, typer.Option(help="Folder whose generated files are replaced.")] = Path("powerbi"),
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document, for programs.")] = False,
) -> None:
    """Write a Power BI project over the export: a semantic model and a report, to be opened in Power BI Desktop.

    It is made from the contract of the export and has no data in it. What somebody has changed in the report's pages or
    the model is lost; so save your own version under another name.
    """
    written = project.write(to)
    opened = (to / f"{project.NAME}.pbip").resolve()
    if as_json:
        told = {"project": str(opened), "files": len(written), "contract_version": contract.VERSION}
        sys.stdout.write(json.dumps(told, indent=2, ensure_ascii=False) + "\n")
        return
    out.print(
        f"{len(written)} files. Open [cyan]{opened}[/] in Power BI Desktop,\n"
        f"set the parameter [bold]{FOLDER_PARAMETER}[/] to the folder with the exported files, and refresh.",
        soft_wrap=True,
        highlight=False,
    )
