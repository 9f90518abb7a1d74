"""The transport against a server that writes exactly the bytes of a test, and the strict JSON reader."""

import gc
import gzip
import itertools
import json
import socket
import threading
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from binance_assets.clients import BadResponse, ExchangeUnreachable, Limits, parse_json
from binance_assets.clients.http import Answer, Transport

LIMITS = Limits(connect_timeout=1, read_timeout=0.6, deadline=1, max_wire_bytes=100_000, max_body_bytes=1_000_000)


class ByteServer:
    """Answers every request with the given parts, a pause before each but the first, then closes the connection."""

    def __init__(self) -> None:
        self.parts: Iterable[bytes] = ()
        self.pause = 0.0
        self.requests: list[str] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/data"
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                self.requests.append(connection.recv(65536).decode("latin-1"))
                try:
                    for number, part in enumerate(self.parts):
                        time.sleep(self.pause if number else 0)
                        connection.sendall(part)
                except OSError:  # the client has gone
                    pass

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@pytest.fixture
def server() -> Iterator[ByteServer]:
    server = ByteServer()
    yield server
    server.close()


@pytest.fixture
def fetch(server: ByteServer) -> Iterator[Callable[..., Answer]]:
    transport = Transport(LIMITS)

    def fetch(*parts: bytes, endless: bool = False, pause: float = 0.0) -> Answer:
        server.parts = itertools.chain(parts[:-1], itertools.repeat(parts[-1])) if endless else parts
        server.pause = pause
        return transport.fetch(server.url, endpoint="data")

    yield fetch
    transport.close()


def http(body: bytes, *headers: str, length: int | None = None) -> bytes:
    length = len(body) if length is None else length
    lines = ["HTTP/1.1 200 OK", f"Content-Length: {length}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def test_gives_the_body_as_sent_and_the_instants_in_order(fetch):
    answer = fetch(http(b'{"a": 1}', "X-Any: thing"))
    assert (answer.status, answer.body, answer.headers["x-any"]) == (200, b'{"a": 1}', "thing")
    assert answer.requested_at < answer.received_at
    assert answer.requested_at.tzinfo is None


def test_the_instant_of_receipt_is_that_of_the_headers_not_of_the_last_byte(fetch):
    body = b"[1, 2]"
    answer = fetch(http(b"", length=len(body)), body, pause=0.4)
    assert answer.body == body
    assert (answer.received_at - answer.requested_at).total_seconds() < 0.3


def test_unpacks_gzip(fetch):
    assert fetch(http(gzip.compress(b"[1]" * 1000), "Content-Encoding: gzip")).body == b"[1]" * 1000


def test_follows_no_redirect(fetch, server):
    answer = fetch(b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n")
    assert answer.status == 302
    assert len(server.requests) == 1


def test_the_proxy_of_the_environment_is_not_for_this_machine(fetch, monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert fetch(http(b"[]")).body == b"[]"


@pytest.mark.parametrize(
    ("response", "wrong"),
    [
        pytest.param(http(b"[1, 2", length=6), "broke off", id="shorter than its length"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n[1, 2\r\n",
            "broke off",
            id="last chunk missing",
        ),
        pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n[1", "broke off", id="in a chunk"),
        pytest.param(
            http(gzip.compress(b"[1, 2]")[:-4], "Content-Encoding: gzip"), "gzip stream is cut", id="gzip cut"
        ),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + gzip.compress(b"[1, 2]")[:-4],
            "gzip stream is cut",
            id="gzip cut, no length",
        ),
        pytest.param(
            http(gzip.compress(b"[1, 2]")[:-8] + bytes(8), "Content-Encoding: gzip"),
            "data check",
            id="gzip damaged",
        ),
        pytest.param(
            http(gzip.compress(b"[1, 2]") + b"[3]", "Content-Encoding: gzip"),
            "goes on",
            id="more than the gzip stream",
        ),
        pytest.param(http(zlib.compress(b"[1, 2]"), "Content-Encoding: br"), "encoded as 'br'", id="unasked encoding"),
        pytest.param(http(b"[" + b" " * LIMITS.max_wire_bytes), "larger than 100,000 bytes as sent", id="large"),
        pytest.param(
            http(gzip.compress(b"[" + b" " * LIMITS.max_body_bytes), "Content-Encoding: gzip"),
            "larger than 1,000,000 bytes",
            id="gzip bomb",
        ),
    ],
)
def test_refuses_a_body_that_is_not_whole(fetch, response, wrong):
    with pytest.raises(BadResponse, match=wrong) as raised:
        fetch(response)
    assert raised.value.endpoint == "data"
    assert raised.value.status == 200


def test_a_gzip_bomb_is_not_unpacked_beyond_the_cap(fetch):
    bomb = http(gzip.compress(bytes(50_000_000)), "Content-Encoding: gzip")
    tracemalloc.start()
    with pytest.raises(BadResponse, match="larger than 1,000,000 bytes"):
        fetch(bomb)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10_000_000


def test_keeps_no_socket_of_a_closed_connection(fetch):
    def open_sockets() -> int:
        return sum(isinstance(it, socket.socket) and it.fileno() != -1 for it in gc.get_objects())

    before = open_sockets()
    fetch(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n[]")
    assert open_sockets() <= before


def test_shows_the_start_of_what_came(fetch):
    with pytest.raises(BadResponse) as raised:
        fetch(http(b"<html>\x00\n\n  caf\xc3\xa9 \xff" + b"x" * 1000, length=5000))
    assert raised.value.body_start.startswith("<html> café \N{REPLACEMENT CHARACTER}xxx")
    assert raised.value.body_start in str(raised.value)
    assert len(raised.value.body_start) <= 201


def test_an_error_keeps_its_status_and_headers_when_its_body_is_cut(fetch):
    answer = fetch(b"HTTP/1.1 429 Slow down\r\nRetry-After: 7\r\nContent-Length: 500\r\n\r\n{")
    assert (answer.status, answer.headers["Retry-After"], answer.body) == (429, "7", b"{")


@pytest.mark.parametrize(
    ("start", "drip"),
    [
        pytest.param(b"HTTP/1.1 200 OK\r\n", b"X: 1\r\n", id="headers"),
        pytest.param(http(b"", length=1_000_000), b"1", id="body of known length"),
        pytest.param(b"HTTP/1.1 200 OK\r\n\r\n", b"1", id="body until the connection closes"),
        pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n1\r\n", id="chunks"),
    ],
)
def test_a_response_that_drips_ends_at_the_deadline(fetch, start, drip):
    started = time.monotonic()
    with pytest.raises(BadResponse, match="not complete after 1 s"):
        fetch(start, drip, endless=True, pause=0.1)
    assert time.monotonic() - started < 3


def test_a_server_that_says_nothing_is_unreachable(fetch):
    with pytest.raises(ExchangeUnreachable, match=r"no answer for 0\.6 s"):
        fetch(b"", http(b"[]"), pause=2)


def test_a_connection_works_again_after_a_deadline(fetch):
    with pytest.raises(BadResponse):
        fetch(http(b"", length=100), b"1", endless=True, pause=0.1)
    assert fetch(http(b"[]")).body == b"[]"


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://127.0.0.1:1/", "Connection refused"),
        ("http://does-not-exist.invalid/", "does not resolve"),
    ],
)
def test_says_why_nothing_answers(url, why):
    transport = Transport(LIMITS)
    with pytest.raises(ExchangeUnreachable, match=why) as raised:
        transport.fetch(url, endpoint="data")
    transport.close()
    assert raised.value.retryable
    assert f"data from {url}" in str(raised.value)
    assert "What to do: check the network" in str(raised.value)


def test_says_that_tls_failed(server, fetch):
    server.parts = (b"no TLS here\r\n",)
    transport = Transport(LIMITS)
    with pytest.raises(ExchangeUnreachable, match="TLS failed"):
        transport.fetch(server.url.replace("http:", "https:"), endpoint="data")
    transport.close()


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (b"<html>", "Expecting value"),
        (b'{"a": 1', "Expecting"),
        (b'{"a": 1} {"b": 2}', "Extra data"),
        (b"[NaN]", "NaN is not JSON"),
        (rb'["\ud800"]', "surrogates not allowed"),
        (b'{"a": -Infinity}', "-Infinity is not JSON"),
        (b'{"price": "1", "price": "2"}', "'price' stands twice"),
        (b'[{"a": {"b": 1, "b": 1}}]', "'b' stands twice"),
        (b'["\xff"]', "can't decode byte 0xff"),
        (b"\xef\xbb\xbf[]", "BOM"),
        (b"[" * 200_000 + b"]" * 200_000, "too deeply"),
        (b"9" * 5000, "4300 digits"),
        (b"1e99999999999999999999", "beyond any decimal"),
    ],
)
def test_refuses_what_is_not_json(body, wrong):
    with pytest.raises(ValueError, match=wrong):
        parse_json(body)


def test_fractions_stay_exact():
    (value,) = parse_json(b"[0.1000000000000000055511151231257827]")
    assert value == Decimal("0.1000000000000000055511151231257827")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(json_values, st.booleans())
def test_reads_back_whatever_is_json(value, ascii_only):
    assert parse_json(json.dumps(value, ensure_ascii=ascii_only).encode()) == value


@given(st.binary() | st.text().map(str.encode) | st.text(alphabet='[]{}":,0123456789.eE+- NaInfity').map(str.encode))
def test_anything_else_is_a_value_error(body):
    try:
        parse_json(body)
    except ValueError:
        return
    json.loads(body)  # whatever is accepted, the lenient parser accepts too
