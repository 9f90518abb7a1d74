"""Takes the pictures of the documentation anew: ``python -m binance_assets_tests.pictures``.

It makes two homes with the sandbox's market in a temporary folder: one of the 27 hours before this one, in which some
things go wrong, for the dashboard and the report; and what ``binance-assets run`` makes, for the Dagster UI. That takes
about five minutes, and needs Chromium and, in the folder that ``BROWSER_TOOLS`` names, the tools of
``.ci/browser.txt``.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from PIL import Image

from binance_assets.dashboard.page import PAGE, write_page
from binance_assets.export.publish import publish
from binance_assets.landing import Capture, MissedSample
from binance_assets.report.write import Report, write_report
from binance_assets.sandbox.exchange import Exchange
from binance_assets.sandbox.market import DEFAULT_SEED, Market
from binance_assets_tests.driven import wait_until
from binance_assets_tests.pipeline import HOUR, MINUTE, ROOT, SECOND, Pipeline, as_body, milliseconds, prices_body

if TYPE_CHECKING:
    from playwright.sync_api import Browser

IMAGES = ROOT / "docs" / "images"

_INTERVAL = 30 * SECOND
_TAKES = timedelta(milliseconds=180)
_HOURS = 27
_NOBODY = ((8 * HOUR + 30 * MINUTE, 7 * MINUTE), (13 * HOUR + 10 * MINUTE, 90 * MINUTE))
"""When nobody sampled, after the start, and how long."""
_NO_ANSWER = (21 * HOUR + 5 * MINUTE, 15 * MINUTE)
_LEFT_OUT = {
    "FDUSDTRY": (5 * HOUR + 10 * MINUTE, 40 * MINUTE),
    "YFIUSDC": (26 * HOUR + 35 * MINUTE, HOUR),
}
"""Pairs that are missing from the answers, from when, and how long; the last one to the end."""
_OFF = {"TUSDUSDT": (24 * HOUR, 0.986)}
"""A peg that slips, from when, and by how much."""


_DRAWN = """
() => [...document.querySelectorAll(".card")].every((card) => ["drawn", "empty"].includes(card.dataset.ready))
"""


def take_pictures() -> None:
    """Take all of them."""
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium")
    with TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        this_hour = datetime.now(UTC).replace(tzinfo=None, minute=0, second=0, microsecond=0)
        market = made_market(Path(folder) / "sandbox", this_hour)
        _of_dashboard(browser, market.store.export / PAGE)
        _of_report(browser, write_report(market.store, (this_hour - timedelta(days=1)).date()))
        _of_dagster(browser, Path(folder) / "home")
        browser.close()


def _save(png: bytes, name: str) -> None:
    """Keep a picture with 256 colours, rare ones among them: a third of the bytes, and nothing is to be seen of it."""
    with Image.open(BytesIO(png)) as picture:
        fewer = picture.convert("RGB").quantize(256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    fewer.save(IMAGES / f"{name}.png", optimize=True)


def _of_dashboard(browser: Browser, page: Path) -> None:
    for name, width, colours in (
        ("1440", 1440, "light"),
        ("1024", 1024, "light"),
        ("390", 390, "light"),
        ("dark", 1440, "dark"),
    ):
        with browser.new_context(viewport={"width": width, "height": 900}, color_scheme=colours) as context:  # type: ignore[arg-type]
            tab = context.new_page()
            tab.goto(page.as_uri())
            tab.wait_for_function(_DRAWN)
            _save(tab.screenshot(full_page=True), f"dashboard-{name}")


def _of_report(browser: Browser, report: Report) -> None:
    with browser.new_context(viewport={"width": 960, "height": 1560}, color_scheme="light") as context:
        tab = context.new_page()
        tab.goto(report.html.as_uri())
        _save(tab.screenshot(), "report")


def _of_dagster(browser: Browser, home: Path) -> None:
    """The lineage of everything after a first run, and an asset of it."""
    with _dagster_ui(home) as url, browser.new_context(viewport={"width": 1500, "height": 900}) as context:
        tab = context.new_page()
        tab.goto(f"{url}/assets/mart/fact_price_minute")
        tab.get_by_text("Grain: pair x minute x source.").wait_for()
        tab.get_by_text("Passing").first.wait_for(timeout=120_000)  # its daemon looks now and then
        _save(tab.screenshot(), "asset")
        tab.set_viewport_size({"width": 1900, "height": 760})
        tab.goto(f"{url}/asset-groups")
        tab.get_by_text("lake", exact=True).last.wait_for()
        tab.get_by_text("fetching statuses").first.wait_for(state="detached")
        _save(tab.screenshot(clip={"x": 560, "y": 250, "width": 1290, "height": 290}), "lineage")


@contextmanager
def _dagster_ui(home: Path) -> Iterator[str]:
    """The address of the UI of a home in which everything was made once."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | {"BINANCE_ASSETS_HOME": str(home), "BINANCE_SOURCE": "sandbox"}
    environment["DAGSTER_HOME"] = str(home / "dagster")
    programs = Path(sys.executable).parent
    subprocess.run([programs / "binance-assets", "run"], env=environment, check=True)
    ui = [programs / "binance-assets", "dev", "--port", str(port)]
    with subprocess.Popen(ui, env=environment) as server:
        try:
            wait_until(lambda: _listens(port))
            yield f"http://127.0.0.1:{port}"
        finally:
            server.send_signal(signal.SIGINT)


def _listens(port: int) -> bool:
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0


def made_market(path: Path, end: datetime) -> Pipeline:
    """A simulated store of 27 hours of the whole market up to an hour, with an export and a page."""
    pipeline = Pipeline(path, "sandbox")
    start = end - _HOURS * HOUR
    exchange = Exchange(Market.of(DEFAULT_SEED), weight_limit=6000)
    info = as_body(exchange.answer("exchangeInfo", [], milliseconds(start)))
    pipeline.landing.land(Capture("exchangeInfo", "sandbox", start, info))
    for hour in range(_HOURS):
        pipeline.landing.land_minute(list(_samples(exchange, start, hour * HOUR)))
    pipeline.update()
    publish(pipeline.store)
    write_page(pipeline.store)
    return pipeline


def _samples(exchange: Exchange, start: datetime, since: timedelta) -> Iterator[Capture | MissedSample]:
    """An hour of them."""
    for number in range(HOUR // _INTERVAL):
        after = since + number * _INTERVAL
        at, seconds = start + after, _INTERVAL // SECOND
        if any(_is_within(after, span) for span in _NOBODY):
            continue
        if _is_within(after, _NO_ANSWER):
            yield MissedSample("ticker/price", "sandbox", at, seconds, "ExchangeServerError", "HTTP 503")
        else:
            yield Capture(
                "ticker/price",
                "sandbox",
                at + _TAKES,
                _answer(exchange, at, after),
                requested_at=at,
                exchange_at=at + _TAKES,
                sampling_interval_seconds=seconds,
            )


def _answer(exchange: Exchange, at: datetime, after: timedelta) -> bytes:
    rows: Any = exchange.answer("ticker/price", [], milliseconds(at))
    found = {row["symbol"]: row["price"] for row in rows}
    for symbol, span in _LEFT_OUT.items():
        if _is_within(after, span):
            del found[symbol]
    for symbol, (since, factor) in _OFF.items():
        if after >= since:
            found[symbol] = f"{float(found[symbol]) * factor:.8f}"
    return prices_body(found)


def _is_within(after: timedelta, span: tuple[timedelta, timedelta]) -> bool:
    since, length = span
    return since <= after < since + length


if __name__ == "__main__":
    sys.path.append(os.environ["BROWSER_TOOLS"])
    take_pictures()
