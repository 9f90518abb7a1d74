"""The files of the project: report, semantic model, and the file by which both are opened."""

from __future__ import annotations

import json
from pathlib import Path

from binance_assets.powerbi import tmdl
from binance_assets.powerbi.identity import guid, short_id
from binance_assets.powerbi.layout import HEIGHT, WIDTH
from binance_assets.powerbi.pages import Page, pages
from binance_assets.powerbi.visuals import Json, color, named, number

NAME = "BinanceSpot"
REPORT, MODEL = f"{NAME}.Report", f"{NAME}.SemanticModel"

_SCHEMAS = "https://developer.microsoft.com/json-schemas/fabric"
_DEFINITION = f"{_SCHEMAS}/item/report/definition"
_BEHIND = "#F3F5F7"


def files() -> dict[str, str]:
    """The text of each file of the project, by its path from the project's folder."""
    texts = {f"{MODEL}/definition/{path}": text for path, text in tmdl.files().items()}
    return texts | {path: _text(document) for path, document in _documents().items()}


def write(folder: Path) -> list[Path]:
    """Write the project into a folder, in place of the one that is there.

    Pages, visuals and tables there that are none of this project's go; whatever else is in the folder stays.

    Returns:
        The files that were written.

    Raises:
        OSError: It cannot be written there.
    """
    texts = files()
    for made in (folder / REPORT / "definition" / "pages", folder / MODEL / "definition" / "tables"):
        for path in sorted(made.rglob("*"), reverse=True):  # what is in a folder before the folder
            if path.is_file() and path.relative_to(folder).as_posix() not in texts:
                path.unlink()
            elif path.is_dir() and not any(path.iterdir()):
                path.rmdir()
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
    return [folder / name for name in texts]


def _documents() -> dict[str, Json]:
    definition = f"{REPORT}/definition"
    documents = {
        f"{NAME}.pbip": {
            "$schema": f"{_SCHEMAS}/pbip/pbipProperties/1.0.0/schema.json",
            "version": "1.0",
            "artifacts": [{"report": {"path": REPORT}}],
            "settings": {"enableAutoRecovery": True},
        },
        f"{REPORT}/.platform": _platform("Report"),
        f"{REPORT}/definition.pbir": {
            "$schema": f"{_SCHEMAS}/item/report/definitionProperties/2.0.0/schema.json",
            "version": "4.0",
            "datasetReference": {"byPath": {"path": f"../{MODEL}"}},
        },
        f"{definition}/version.json": {
            "$schema": f"{_DEFINITION}/versionMetadata/1.0.0/schema.json",
            "version": "2.0.0",
        },
        f"{definition}/report.json": {
            "$schema": f"{_DEFINITION}/report/3.0.0/schema.json",
            "themeCollection": {},
        },
        f"{definition}/pages/pages.json": {
            "$schema": f"{_DEFINITION}/pagesMetadata/1.0.0/schema.json",
            "pageOrder": [_page_id(page) for page in pages()],
            "activePageName": _page_id(pages()[0]),
        },
        f"{MODEL}/.platform": _platform("SemanticModel"),
        f"{MODEL}/definition.pbism": {
            "$schema": f"{_SCHEMAS}/item/semanticModel/definitionProperties/1.0.0/schema.json",
            "version": "4.2",
            "settings": {},
        },
    }
    for page in pages():
        folder = f"{definition}/pages/{_page_id(page)}"
        documents[f"{folder}/page.json"] = _page(page)
        for number_, visual in enumerate(page.visuals):
            documents[f"{folder}/visuals/{visual.id_on(page.id)}/visual.json"] = visual.document(page.id, number_)
    return documents


def _page_id(page: Page) -> str:
    return short_id("page", page.id)


def _page(page: Page) -> Json:
    document: Json = {
        "$schema": f"{_DEFINITION}/page/2.0.0/schema.json",
        "name": _page_id(page),
        "displayName": page.title,
        "displayOption": "FitToPage",
        "height": HEIGHT,
        "width": WIDTH,
        "objects": {"background": [{"properties": {"color": color(_BEHIND), "transparency": number(0)}}]},
    }
    if page.filters:
        document["filterConfig"] = {"filters": named(page.filters, page.id)}
    return document


def _platform(kind: str) -> Json:
    return {
        "$schema": f"{_SCHEMAS}/gitIntegration/platformProperties/2.0.0/schema.json",
        "metadata": {"type": kind, "displayName": NAME},
        "config": {"version": "2.0", "logicalId": guid("item", kind)},
    }


def _text(document: Json) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
