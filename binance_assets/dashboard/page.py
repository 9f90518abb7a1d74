"""Makes the page: one file with its data, styles, scripts and licences in it."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from importlib import resources
from pathlib import Path
from typing import Any
from uuid import uuid4

import jinja2

from binance_assets.dashboard.data import page_data
from binance_assets.files import sync
from binance_assets.home import Store

PAGE = "dashboard.html"
"""The file's name in ``export/``."""

_SCRIPTS = (
    "vendor/echarts.common.min.js",
    "web/text.js",
    "web/pairs.js",
    "web/pictures.js",
    "web/minutes.js",
    "web/page.js",
)
_FOLDER = resources.files(__package__)


def write_page(store: Store) -> Path:
    """Write ``export/dashboard.html`` from the newest export, in place of the former one at once.

    Raises:
        NothingToShow: Nothing has been exported yet.
        WarehouseError: The warehouse cannot be opened.
    """
    html = render(page_data(store))
    temporary = store.export / f".{uuid4().hex}.tmp"
    try:
        temporary.write_text(html, encoding="utf-8")
        sync(temporary)
        temporary.replace(store.export / PAGE)
    finally:
        temporary.unlink(missing_ok=True)
    sync(store.export)
    return store.export / PAGE


def render(data: Mapping[str, Any]) -> str:
    """The page with this data (:func:`binance_assets.dashboard.data.page_data`) as HTML."""
    scripts = [_text(name) for name in _SCRIPTS]
    about = data["about"]
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    return environment.from_string(_text("web/page.html.j2")).render(
        about=about,
        data_until=_minute(about["data_until"]),
        published_at=_minute(about["published_at"]),
        styles=_text("web/page.css"),
        scripts=scripts,
        hashes=[_digest(script) for script in scripts],
        data=_json(data),
        licences=_text("vendor/LICENSES.txt"),
    )


def _json(data: Mapping[str, Any]) -> str:
    """JSON that says the same, and in which HTML finds nothing that ends the script or begins anything else."""
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _digest(script: str) -> str:
    """The hash by which the page's own rules let a script run, and no other."""
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _minute(instant: str | None) -> str:
    return f"{datetime.fromisoformat(instant):%Y-%m-%d %H:%M}" if instant else "never"


def _text(name: str) -> str:
    return _FOLDER.joinpath(name).read_text(encoding="utf-8")
