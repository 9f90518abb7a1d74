"""The dashboard over HTTP, on this machine only: the page, and the prices of any pair over all of its history.

::

    GET /                                                   the page, as the newest export has it
    GET /api/minutes?symbol=BTCUSDT&from=…&to=…&points=…    docs/dashboard.md
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import Any, Self

import duckdb
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from binance_assets.clients.binance import EPOCH
from binance_assets.dashboard.minutes import MOST_POINTS, NoSuchPrices, PriceHistory, Prices
from binance_assets.dashboard.page import PAGE
from binance_assets.export.publish import DamagedExport
from binance_assets.home import Store
from binance_assets.serving import HOST, Loopback

_NAMES = frozenset({HOST, "localhost"})
"""What a browser on this machine calls it. Under another name a page of somebody else could ask it for the data."""

_SECOND = timedelta(seconds=1)

_NO_PAGE = """\
<!doctype html><html lang="en"><meta charset="utf-8"><title>No dashboard yet</title>
<p>There is no dashboard yet. It is made with the export: <code>binance-assets run</code> makes both.</p></html>
"""

_log = logging.getLogger(__name__)


class Dashboard:
    """The server of a store's dashboard, in a thread of this process.

    ::

        with Dashboard(store) as dashboard:
            webbrowser.open(dashboard.url)

    Args:
        store: Its export and its lake are read, and nothing is written.
        port: 0 for any free one.
    """

    def __init__(self, store: Store, port: int = 0) -> None:
        self._store = store
        self._history = PriceHistory(store)
        app = Starlette(
            routes=[
                Route("/", self._page),
                Route("/api/minutes", self._minutes),
                Route("/favicon.ico", lambda _: Response(status_code=204)),
            ],
            middleware=[Middleware(_OnlyThisMachine)],
            exception_handlers={
                HTTPException: _refused,
                NoSuchPrices: _no_such_prices,
                DamagedExport: _damaged,
                duckdb.Error: _unreadable,
            },
        )
        self._server = Loopback(app, "dashboard", port, timeout_graceful_shutdown=1)

    @property
    def url(self) -> str:
        """The address of the page."""
        return f"{self._server.url}/"

    def start(self) -> None:
        """Serve from now on, until ``stop`` or the end of the process.

        Raises:
            OSError: The port is in use.
        """
        self._server.start()

    def stop(self) -> None:
        """Close all connections and free the port."""
        self._server.stop()
        self._history.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _page(self, _: Request) -> Response:
        page = self._store.export / PAGE
        if not page.is_file():
            return HTMLResponse(_NO_PAGE, 404)
        return FileResponse(page, media_type="text/html", headers={"Cache-Control": "no-cache"})

    def _minutes(self, request: Request) -> Response:
        asked = request.query_params
        if unknown := sorted(asked.keys() - {"symbol", "from", "to", "points"}):
            raise HTTPException(400, f"{unknown[0]}: there are symbol, from, to and points.")
        symbol = asked.get("symbol", "").strip().upper()
        if not symbol:
            raise HTTPException(400, "symbol: say which pair, such as symbol=BTCUSDT.")
        since, until = _instant("from", asked.get("from")), _instant("to", asked.get("to"))
        if since and until and since >= until:
            raise HTTPException(400, f"from={asked['from']} should be before to={asked['to']}.")
        prices = self._history.prices(symbol, since, until, _points(asked.get("points")))
        return JSONResponse(_document(prices, self._store), headers={"Cache-Control": "no-store"})


class _OnlyThisMachine:
    """Refuses what was sent to this machine under another name than its own."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        host = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
        if host.partition(":")[0].lower() in _NAMES:
            await self._app(scope, receive, send)
        else:
            words = f"This is a dashboard for {HOST} and localhost only."
            await JSONResponse({"error": words}, 421)(scope, receive, send)


def _document(prices: Prices, store: Store) -> dict[str, Any]:
    first, last, step = (it // _SECOND for it in (prices.since - EPOCH, prices.until - EPOCH, prices.bucket))
    since, until = prices.covers
    return {
        "symbol": prices.symbol,
        "source": store.source,
        "simulated": store.is_simulated,
        "bucket_seconds": step,
        "from": _text(prices.since),
        "to": _text(prices.until),
        "covers": {"from": _text(since), "to": _text(until)},
        "minute_utc": list(range(first, last, step)),
        "low": prices.low,
        "average": prices.average,
        "high": prices.high,
        "gaps": [{"from": _text(it.since), "to": _text(it.until), "cause": it.cause} for it in prices.gaps],
    }


def _instant(name: str, text: str | None) -> datetime | None:
    """An instant as naive UTC; it is UTC if it names no offset."""
    if not text:
        return None
    try:
        instant = datetime.fromisoformat(text)
        return instant.astimezone(UTC).replace(tzinfo=None) if instant.tzinfo else instant
    except (ValueError, OverflowError):
        raise HTTPException(400, f"{name}={text}: it should be an instant such as 2024-03-01T12:00:00Z.") from None


def _points(text: str | None) -> int:
    if not text:
        return MOST_POINTS
    if not (text.isascii() and text.isdigit() and 2 <= int(text[:9]) <= MOST_POINTS):
        raise HTTPException(400, f"points={text}: it should be a number from 2 to {MOST_POINTS}.")
    return int(text)


def _text(instant: datetime | None) -> str | None:
    return f"{instant.isoformat()}Z" if instant else None


def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": error.detail}, error.status_code, headers=error.headers)


def _no_such_prices(_: Request, error: Exception) -> Response:
    assert isinstance(error, NoSuchPrices)
    covers = {"from": _text(error.covers[0]), "to": _text(error.covers[1])} if error.covers else None
    return JSONResponse({"error": str(error), "covers": covers}, 404)


def _damaged(_: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, 503)


def _unreadable(_: Request, error: Exception) -> Response:
    _log.warning("Prices could not be read: %s", error)
    return JSONResponse({"error": "The files of the export or the lake could not be read; try again."}, 503)
