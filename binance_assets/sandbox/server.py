"""The sandbox exchange, and the sandbox's CoinMarketCap, over HTTP, on loopback only."""

from __future__ import annotations

import asyncio
import gzip
import logging
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import NamedTuple, Self

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from binance_assets.sandbox.archive import Archive
from binance_assets.sandbox.archive_defects import Defect, read_defects
from binance_assets.sandbox.coinmarketcap import DEFAULT_CREDITS, CoinMarketCap
from binance_assets.sandbox.exchange import Exchange, Refused
from binance_assets.sandbox.faults import (
    Answer,
    Fault,
    Faults,
    Moment,
    SetFault,
    banned,
    http_date,
    read_faults,
    too_many_requests,
)
from binance_assets.sandbox.limits import WeightMeter
from binance_assets.sandbox.market import DEFAULT_SEED, Market
from binance_assets.serving import Loopback

log = logging.getLogger(__name__)

_REMEMBERED_REQUESTS = 100_000
_WORTH_COMPRESSING = 1000
_DRIP_SECONDS = 0.1


class SeenRequest(NamedTuple):
    """A request that the sandbox has answered.

    Attributes:
        endpoint: Such as ``ticker/price`` or ``coinmarketcap/map``; of the archive one of ``archive/list``,
            ``archive/checksum`` and ``archive/file``.
        query: As it was sent, percent-encoded; of a file in the archive its key.
        status: HTTP status of the answer.
        at_ms: When it arrived, by the exchange's clock.
        used_weight: That the exchange had counted in this minute, with this request; 0 for CoinMarketCap.
    """

    endpoint: str
    query: str
    status: int
    at_ms: int
    used_weight: int


class Sandbox:
    """A simulated exchange on this machine, in a thread of this process.

    ::

        with Sandbox() as sandbox:
            sandbox.fail(Fault("429", endpoint="ticker/price", count=2, retry_after=1))
            requests.get(f"{sandbox.url}/api/v3/ticker/price")

    Args:
        seed: Of the market; the same one makes the same prices at the same time, everywhere.
        port: 0 for any free one.
        weight_limit: Request weight per minute.
        clock: Returns the exchange's time in ms since 1970; the host's if there is none. May be set later as well.
        coinmarketcap_credits: Credits of each of CoinMarketCap's keys, a month.

    Attributes:
        clock: See above.
        downloads: How often each file of the archive was asked for, by its key.
    """

    def __init__(
        self,
        seed: int = DEFAULT_SEED,
        port: int = 0,
        weight_limit: int = 6000,
        clock: Callable[[], int] | None = None,
        coinmarketcap_credits: int = DEFAULT_CREDITS,
    ) -> None:
        self.clock = clock or _host_clock
        self.downloads: Counter[str] = Counter()
        self._exchange = Exchange(Market.of(seed), weight_limit)
        self._archive = Archive(Market.of(seed))
        self._coinmarketcap = CoinMarketCap(seed, coinmarketcap_credits)
        self._meter = WeightMeter(weight_limit)
        self._faults = Faults()
        self._requests: deque[SeenRequest] = deque(maxlen=_REMEMBERED_REQUESTS)
        app = Starlette(
            routes=[
                Route("/api/v3/{endpoint:path}", self._serve),
                Route("/v1/{path:path}", self._serve_coinmarketcap),
                Route("/sandbox/faults", self._serve_faults, methods=["GET", "POST", "DELETE"]),
                Route("/sandbox/archive-defects", self._serve_defects, methods=["GET", "POST", "DELETE"]),
                Route("/data/{path:path}", self._serve_archive),
                Route("/", self._serve_archive),
            ],
            exception_handlers={HTTPException: _serve_error, Exception: _serve_error},
        )
        app.router.redirect_slashes = False
        self._server = Loopback(
            app,
            "sandbox exchange",
            port,
            log_level=logging.CRITICAL,  # a cut body is an error to uvicorn, and the purpose here
            date_header=False,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=0,
        )

    @property
    def url(self) -> str:
        """The base address, without a slash at the end."""
        return self._server.url

    @property
    def requests(self) -> list[SeenRequest]:
        """The latest requests, at most 100,000, the newest last."""
        return list(self._requests)

    def fail(self, *faults: Fault) -> None:
        """Misbehaves from now on, as the faults say: a request meets the first that acts on it."""
        self._faults.add(faults, self.clock())

    def clear_faults(self) -> None:
        """Behaves again."""
        self._faults.clear()

    def spoil(self, *defects: Defect) -> None:
        """Puts defects into the archive; an outage is one of the exchange as well."""
        self._archive.defects.add(defects)
        self._exchange.outages = self._archive.defects.outages

    def clear_defects(self) -> None:
        """Sets the archive right."""
        self._archive.defects.clear()
        self._exchange.outages = ()

    def start(self) -> None:
        """Serves from now on, until ``stop`` or the end of the process.

        Raises:
            OSError: The port is in use.
        """
        self._server.start()

    def stop(self) -> None:
        """Closes all connections and frees the port."""
        self._server.stop()
        self._archive.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    async def _serve(self, request: Request) -> _Delivery:
        endpoint = request.path_params["endpoint"]
        if not self._exchange.knows(endpoint):
            raise HTTPException(404)
        now_ms = self.clock()
        query = request.query_params
        verdict = self._meter.spend(self._exchange.weight(endpoint, query), now_ms)
        retry_after = -(-(verdict.until_ms - now_ms) // 1000)
        if verdict.status == 429:
            answer = too_many_requests(self._meter.limit, retry_after)
        elif verdict.status == 418:
            answer = banned(verdict.until_ms, retry_after)
        else:
            answer = await run_in_threadpool(
                self._answer, endpoint, query.multi_items(), now_ms, self._faults.take(endpoint, now_ms)
            )
        answer = await run_in_threadpool(_packed, answer, request.headers.get("Accept-Encoding", ""))
        self._requests.append(SeenRequest(endpoint, request.url.query, answer.status, now_ms, verdict.used_weight))
        weight = str(verdict.used_weight)
        return _Delivery(
            answer, {"Date": http_date(now_ms), "X-MBX-USED-WEIGHT": weight, "X-MBX-USED-WEIGHT-1M": weight}
        )

    async def _serve_coinmarketcap(self, request: Request) -> _Delivery:
        path = request.path_params["path"]
        endpoint = self._coinmarketcap.endpoint(path)
        if endpoint is None:
            raise HTTPException(404)
        now_ms = self.clock()
        key = request.headers.get("X-CMC_PRO_API_KEY")
        answer = await run_in_threadpool(self._coinmarketcap.answer, path, request.query_params, key, now_ms)
        if met := self._faults.take(endpoint, now_ms):
            answer = met.fault.apply(answer, Moment(now_ms, lambda: answer))
        answer = await run_in_threadpool(_packed, answer, request.headers.get("Accept-Encoding", ""))
        self._requests.append(SeenRequest(endpoint, request.url.query, answer.status, now_ms, 0))
        return _Delivery(answer, {"Date": http_date(now_ms)})

    def _answer(self, endpoint: str, parameters: list[tuple[str, str]], now_ms: int, met: SetFault | None) -> Answer:
        def answer_at(ms: int) -> Answer:
            try:
                return Answer(data=self._exchange.answer(endpoint, parameters, ms))
            except Refused as refused:
                return Answer(400, {"code": refused.code, "msg": refused.message})

        answer = answer_at(now_ms)
        return met.fault.apply(answer, Moment(now_ms, lambda: answer_at(met.begins_ms))) if met else answer

    async def _serve_archive(self, request: Request) -> _Delivery:
        key = "data/" + request.path_params["path"] if request.path_params else ""
        endpoint = "archive/list" if not key else "archive/checksum" if key.endswith(".CHECKSUM") else "archive/file"
        if not key and "prefix" not in request.query_params:
            raise HTTPException(404)
        now_ms = self.clock()
        answer = await run_in_threadpool(self._archive.answer, key, request.query_params, now_ms)
        if met := self._faults.take(endpoint, now_ms):
            plain = answer
            answer = met.fault.apply(plain, Moment(now_ms, lambda: plain))
        if endpoint == "archive/file":
            self.downloads[key] += 1
        self._requests.append(SeenRequest(endpoint, key or request.url.query, answer.status, now_ms, 0))
        return _Delivery(answer, {"Date": http_date(now_ms)})

    async def _serve_defects(self, request: Request) -> _Delivery:
        if request.method == "POST":
            try:
                self.spoil(*read_defects(await request.body()))
            except ValueError as error:
                return _Delivery(Answer(400, {"error": str(error)}))
        elif request.method == "DELETE":
            self.clear_defects()
        return _Delivery(Answer(data=self._archive.defects.listed()))

    async def _serve_faults(self, request: Request) -> _Delivery:
        if request.method == "POST":
            try:
                self.fail(*read_faults(await request.body()))
            except ValueError as error:
                return _Delivery(Answer(400, {"error": str(error)}))
        elif request.method == "DELETE":
            self.clear_faults()
        return _Delivery(Answer(data=self._faults.listed(self.clock())))


class _Delivery(Response):
    """Sends an answer, well or as badly as it says."""

    def __init__(self, answer: Answer, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(
            answer.body,
            answer.status,
            {
                "Content-Type": "application/json;charset=UTF-8",
                "X-Simulated": "binance-assets-sandbox",
                **(headers or {}),
                **answer.headers,
            },
        )
        if answer.is_chunked:
            del self.headers["Content-Length"]
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer, body = self._answer, bytes(self.body)
        await asyncio.sleep(answer.delay)
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        drips = round(answer.duration / _DRIP_SECONDS)
        for drip in range(drips):
            await asyncio.sleep(_DRIP_SECONDS)
            piece = body[len(body) * drip // drips : len(body) * (drip + 1) // drips]
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        rest = b"" if drips else body
        if answer.is_cut:  # uvicorn hangs up on an answer that is not finished when this returns
            await send({"type": "http.response.body", "body": rest[: len(rest) // 2], "more_body": True})
        else:
            await send({"type": "http.response.body", "body": rest})


def _packed(answer: Answer, accepted: str) -> Answer:
    """The answer as it goes out: encoded, and compressed if the client takes that and it is worth it."""
    body, headers = answer.body, answer.headers
    if "gzip" in accepted and "Content-Encoding" not in headers and len(body) > _WORTH_COMPRESSING:
        body, headers = gzip.compress(body, compresslevel=1), {**headers, "Content-Encoding": "gzip"}
    return replace(answer, raw=body, headers=headers)


async def _serve_error(request: Request, error: Exception) -> _Delivery:
    """A page for what is not there; for a defect of the sandbox its message, and the traceback in the log."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    if status == 500:
        log.error("%s failed", request.url, exc_info=error)
    page = f"<html><body><h2>{status} {HTTPStatus(status).phrase}</h2></body></html>"
    return _Delivery(Answer(status, raw=page.encode(), headers={"Content-Type": "text/html;charset=UTF-8"}))


def _host_clock() -> int:
    return time.time_ns() // 1_000_000
