"""HTTP as a collector needs it: every response has a deadline and size caps, and JSON is read strictly.

Nothing here is particular to one provider. ``requests`` alone waits for each *read*, so a server that drips a
byte a second holds it for ever; it unpacks whatever it is sent, and takes a cut gzip stream for a whole one.
"""

from __future__ import annotations

import json
import socket
import threading
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from ipaddress import ip_address
from typing import Any, Self
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from binance_assets.clients.errors import BadResponse, ExchangeUnreachable
from binance_assets.clock import Clock

CHUNK_BYTES = 64 * 1024


@dataclass(frozen=True)
class Limits:
    """What one response may take. Seconds and bytes.

    Attributes:
        connect_timeout: For the connection, each of its addresses.
        read_timeout: For the next byte, whenever one is waited for.
        deadline: For the whole response, from the request to the last byte.
        max_wire_bytes: As sent, before decompression.
        max_body_bytes: After decompression.
    """

    connect_timeout: float = 5.0
    read_timeout: float = 10.0
    deadline: float = 30.0
    max_wire_bytes: int = 32 * 1024 * 1024
    max_body_bytes: int = 128 * 1024 * 1024

    def within(self, seconds: float) -> Self:
        """The same, for a response for which only so many seconds are left."""
        left = max(round(seconds, 3), 0.001)  # a timeout of 0 is none to urllib3
        return replace(self, connect_timeout=min(self.connect_timeout, left), deadline=min(self.deadline, left))


@dataclass(frozen=True)
class Answer:
    """An HTTP response of whatever status; complete, but for the body of an error.

    Attributes:
        url: The address that answered, without parameters.
        status: HTTP status.
        headers: By name, in any case.
        body: Decompressed, otherwise as received.
        requested_at: When the request left, naive UTC, host clock.
        received_at: When the status line and headers arrived, naive UTC: ``requested_at`` plus the time
            elapsed, so that a host clock that is set meanwhile cannot turn the two round.
    """

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    requested_at: datetime
    received_at: datetime


class Transport:
    """Sends GET requests over kept connections. One at a time: an instance belongs to one thread.

    Args:
        limits: What each response may take.
        headers: Sent with every request.
        clock: Says when an answer came; the host's, if there is none. The limits are in real seconds whatever it says.
    """

    def __init__(
        self,
        limits: Limits | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        clock: Clock | None = None,
    ) -> None:
        self.limits = limits or Limits()
        self._clock = clock or Clock()
        self._adapter = _CuttableAdapter()
        self._session = requests.Session()
        self._session.mount("http://", self._adapter)
        self._session.mount("https://", self._adapter)
        self._session.headers.update({"Accept-Encoding": "gzip", "User-Agent": "binance-assets", **(headers or {})})

    def fetch(
        self,
        url: str,
        params: Mapping[str, str] | None = None,
        *,
        endpoint: str,
        within: float | None = None,
        into: Callable[[bytes], object] | None = None,
    ) -> Answer:
        """Gets one complete response; redirects are answers like any other and not followed.

        Args:
            url: Address without parameters.
            params: Percent-encoded as UTF-8.
            endpoint: What to call it in errors.
            within: Seconds that are left for it, if these may be fewer than its limits allow.
            into: Takes the body of an answer with status 200, part by part as it arrives; ``Answer.body`` is empty
                then. What it raises ends the request, and is raised.

        Raises:
            ExchangeUnreachable: No answer began.
            BadResponse: The answer began and is cut, damaged, too slow or too large.
        """
        limits = self.limits if within is None else self.limits.within(within)
        requested_at = self._clock.now()
        started = self._clock.monotonic()
        with self._deadline(limits.deadline) as expired:
            try:
                response = self._session.get(
                    url,
                    params=params,
                    timeout=(limits.connect_timeout, limits.read_timeout),
                    stream=True,
                    allow_redirects=False,
                    # Whatever proxy the environment names, it is not for this machine itself.
                    proxies={"http": "", "https": ""} if is_loopback(url) else None,
                )
            except requests.RequestException as error:
                late = f"no answer within {limits.deadline:g} s"
                what = late if expired.is_set() else _reason(error, limits)
                raise ExchangeUnreachable(what, endpoint=endpoint, url=url) from error
            received_at = requested_at + timedelta(seconds=self._clock.monotonic() - started)
            body = bytearray()
            take = into if into and response.status_code == 200 else body.extend
            wrong = ""
            with response:
                parts = _decompressed(response, limits)
                while not wrong:
                    try:
                        part = next(parts, None)
                    except (urllib3.exceptions.HTTPError, zlib.error, OSError) as error:
                        wrong = f"the answer broke off: {error.args[0] if error.args else error}"
                    except ValueError as error:
                        wrong = str(error)
                    else:
                        if part is None:
                            break
                        take(part)
            if expired.is_set():  # a body that ends with the connection looks complete when that is cut
                wrong = f"the answer was not complete after {limits.deadline:g} s"
        status = response.status_code
        if wrong and status < 400:  # an error's status and headers say what to do, whatever became of its body
            raise BadResponse(wrong, endpoint=endpoint, url=url, status=status, body=bytes(body))
        return Answer(url, status, response.headers, bytes(body), requested_at, received_at)

    def close(self) -> None:
        """Closes the kept connections."""
        self._session.close()

    @contextmanager
    def _deadline(self, seconds: float) -> Iterator[threading.Event]:
        """Cuts the connection when the deadline passes, whatever it waits for; yields whether it has."""
        expired = threading.Event()
        self._adapter.expired = expired

        def expire() -> None:
            expired.set()
            self._adapter.cut()

        timer = threading.Timer(seconds, expire)
        timer.daemon = True
        timer.start()
        try:
            yield expired
        finally:
            timer.cancel()
            self._adapter.release()


def parse_json(body: bytes) -> Any:
    """Reads JSON as the standard has it (RFC 8259), fractions as ``Decimal``.

    Refused, some of it although Python's parser takes it: bytes that are not UTF-8, a byte order mark, NaN
    and Infinity, an object with the same key twice, half of a surrogate pair, nesting deeper than the
    interpreter's stack.

    Raises:
        ValueError: With what is wrong.
    """
    if not body.strip():
        raise ValueError("the body is empty")
    try:
        data = json.loads(
            body.decode("utf-8"),
            parse_float=Decimal,
            parse_constant=_refuse_constant,
            object_pairs_hook=_unique_keys,
        )
        if b"\\ud" in body.lower():
            # No text in any encoding: what reads the landed body later would refuse it.
            json.dumps(data, ensure_ascii=False, default=str).encode("utf-8")
        return data
    except RecursionError:
        raise ValueError("nested too deeply") from None
    except ArithmeticError:
        raise ValueError("a number beyond any decimal") from None


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    unique = dict(pairs)
    if len(unique) < len(pairs):
        counts = Counter(key for key, _ in pairs)
        raise ValueError(f"the key {counts.most_common(1)[0][0]!r} stands twice in one object")
    return unique


def _decompressed(response: requests.Response, limits: Limits) -> Iterator[bytes]:
    """The parts of a body as they arrive.

    Raises:
        ValueError: Larger than a cap, an encoding that was not asked for, or a gzip stream that does not end
            where the body ends.
    """
    encoding = response.headers.get("Content-Encoding", "identity").lower()
    if encoding not in ("identity", "gzip"):
        raise ValueError(f"the body is encoded as {encoding!r}, which was not asked for")
    unzip = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16) if encoding == "gzip" else None
    on_wire = size = 0
    for chunk in response.raw.stream(CHUNK_BYTES, decode_content=False):
        on_wire += len(chunk)
        if on_wire > limits.max_wire_bytes:
            raise ValueError(f"the body is larger than {limits.max_wire_bytes:,} bytes as sent")
        part = unzip.decompress(chunk, limits.max_body_bytes + 1 - size) if unzip else chunk
        size += len(part)
        if size > limits.max_body_bytes:
            raise ValueError(f"the body is larger than {limits.max_body_bytes:,} bytes")
        yield part
    if unzip and on_wire and not unzip.eof:
        raise ValueError("the gzip stream is cut")
    if unzip and unzip.unused_data:
        raise ValueError("the body goes on after the end of the gzip stream")


def _reason(error: requests.RequestException, limits: Limits) -> str:
    """Why no answer began, without the wrapping of three libraries."""
    cause = error.args[0] if error.args else error
    cause = getattr(cause, "reason", cause)
    match cause:
        case urllib3.exceptions.ProxyError():
            reason = f"no connection to the proxy: {_errno(cause.original_error)}"
        case urllib3.exceptions.NameResolutionError():
            reason = "the host name does not resolve"
        case urllib3.exceptions.NewConnectionError():
            reason = f"no connection: {_errno(cause)}"
        case urllib3.exceptions.ConnectTimeoutError():
            reason = f"no connection within {limits.connect_timeout:g} s"
        case urllib3.exceptions.ReadTimeoutError():
            reason = f"no answer for {limits.read_timeout:g} s"
        case urllib3.exceptions.SSLError():
            reason = f"TLS failed: {cause}"
        case _:
            reason = f"the connection was lost: {cause}"
    return reason


def _errno(error: Exception) -> str:
    """The operating system's part of the text, such as ``[Errno 111] Connection refused``."""
    return str(error).rpartition(": ")[2]


def is_loopback(url: str) -> bool:
    """Whether an address is this machine's own."""
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    with suppress(ValueError):
        return ip_address(host).is_loopback
    return False


class _CuttableAdapter(HTTPAdapter):
    """Knows the sockets of its connections, so that another thread can end whatever waits for one of them."""

    def __init__(self) -> None:
        self.expired = threading.Event()
        self._handles: dict[HTTPConnection, socket.socket] = {}
        adapter = self

        class Cuttable(HTTPConnection):
            def _new_conn(self) -> socket.socket:
                sock = super()._new_conn()
                adapter.watch(self, sock)
                return sock

        class CuttableTLS(Cuttable, HTTPSConnection):
            pass

        class Pool(HTTPConnectionPool):
            ConnectionCls = Cuttable

        class TLSPool(HTTPSConnectionPool):
            ConnectionCls = CuttableTLS

        self._pools = {"http": Pool, "https": TLSPool}
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = self._pools
        return manager

    def watch(self, connection: HTTPConnection, sock: socket.socket) -> None:
        """Keeps its own handle on a new socket.

        The connection's is gone when TLS has taken it over, or when the server closes after this answer.
        """
        if replaced := self._handles.pop(connection, None):
            replaced.close()
        self._handles[connection] = sock.dup()
        if self.expired.is_set():  # while it connected
            self.cut()

    def cut(self) -> None:
        """Ends all connections, the one in use and the idle ones."""
        for handle in tuple(self._handles.values()):
            with suppress(OSError):
                handle.shutdown(socket.SHUT_RDWR)

    def release(self) -> None:
        """Lets go of the connections that are closed."""
        for connection in [connection for connection in self._handles if connection.sock is None]:
            self._handles.pop(connection).close()

    def close(self) -> None:
        super().close()  # which leaves the connections to the garbage collector
        for connection in self._handles:
            connection.close()
        self.release()
