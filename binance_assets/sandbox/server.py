"""The sandbox exchange over HTTP, on loopback only."""

from __future__ import annotations

import asyncio
import gzip
import logging
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import NamedTuple, Self

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

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

log = logging.getLogger(__name__)

_HOST = "127.0.0.1"
_REMEMBERED_REQUESTS = 1000
_WORTH_COMPRESSING = 1000
_DRIP_SECONDS = 0.1
_LONGEST_START_SECONDS = 10.0


class SeenRequest(NamedTuple):
    """A request that the sandbox has answered.

    Attributes:
        endpoint: Such as ``ticker/price``.
        query: As it was sent, percent-encoded.
        status: HTTP status of the answer.
        at_ms: When it arrived, by the exchange's clock.
        used_weight: That the exchange had counted in this minute, with this request.
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

    Attributes:
        clock: See above.
    """

    def __init__(
        self,
        seed: int = DEFAULT_SEED,
        port: int = 0,
        weight_limit: int = 6000,
        clock: Callable[[], int] | None = None,
    ) -> None:
        self.clock = clock or _host_clock
        self._address = (_HOST, port)
        self._exchange = Exchange(Market.of(seed), weight_limit)
        self._meter = WeightMeter(weight_limit)
        self._faults = Faults()
        self._requests: deque[SeenRequest] = deque(maxlen=_REMEMBERED_REQUESTS)
        self._thread: threading.Thread | None = None
        app = Starlette(
            routes=[
                Route("/api/v3/{endpoint:path}", self._serve),
                Route("/sandbox/faults", self._serve_faults, methods=["GET", "POST", "DELETE"]),
            ],
            exception_handlers={HTTPException: _serve_error, Exception: _serve_error},
        )
        app.router.redirect_slashes = False
        self._server = uvicorn.Server(
            uvicorn.Config(
                app,
                log_config=None,
                log_level=logging.CRITICAL,  # a cut body is an error to uvicorn, and the purpose here
                access_log=False,
                lifespan="off",
                ws="none",
                server_header=False,
                date_header=False,
                timeout_keep_alive=75,
                timeout_graceful_shutdown=0,
            )
        )

    @property
    def url(self) -> str:
        """The base address, without a slash at the end."""
        host, port = self._address
        return f"http://{host}:{port}"

    @property
    def requests(self) -> list[SeenRequest]:
        """The latest requests, at most 1,000, the newest last."""
        return list(self._requests)

    def fail(self, *faults: Fault) -> None:
        """Misbehaves from now on, as the faults say: a request meets the first that acts on it."""
        self._faults.add(faults, self.clock())

    def clear_faults(self) -> None:
        """Behaves again."""
        self._faults.clear()

    def start(self) -> None:
        """Serves from now on, until ``stop`` or the end of the process.

        Raises:
            OSError: The port is in use.
        """
        listener = socket.create_server(self._address)
        self._address = listener.getsockname()
        self._thread = threading.Thread(
            target=self._server.run, args=([listener],), name="sandbox exchange", daemon=True
        )
        self._thread.start()
        give_up_at = time.monotonic() + _LONGEST_START_SECONDS
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > give_up_at:
                raise RuntimeError(f"the sandbox exchange did not start at {self.url}")
            time.sleep(0.005)

    def stop(self) -> None:
        """Closes all connections and frees the port."""
        if self._thread:
            self._server.should_exit = True
            self._thread.join()
            self._thread = None

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

    def _answer(self, endpoint: str, parameters: list[tuple[str, str]], now_ms: int, met: SetFault | None) -> Answer:
        def answer_at(ms: int) -> Answer:
            try:
                return Answer(data=self._exchange.answer(endpoint, parameters, ms))
            except Refused as refused:
                return Answer(400, {"code": refused.code, "msg": refused.message})

        answer = answer_at(now_ms)
        return met.fault.apply(answer, Moment(now_ms, lambda: answer_at(met.begins_ms))) if met else answer

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
