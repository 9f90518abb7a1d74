"""An archive that serves the files of a folder, and lists them as S3 does: another than the sandbox's."""

from __future__ import annotations

import threading
from datetime import timedelta
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

from binance_assets.clients.archive import Scope
from binance_assets.clients.binance import EPOCH


class FolderArchive:
    """Serves a folder on loopback.

    Attributes:
        asked: The paths that were asked for.
        most: The most requests for zips that were being answered at the same time.
        wait_for: Zips are sent when ``most`` has come to this.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.asked: list[str] = []
        self.most = 0
        self.wait_for = 0
        self._now = 0
        self._changed = threading.Condition()
        folder = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                folder.answer(self)

            def log_message(self, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def put(self, symbol: str, scope: Scope, period: str, content: bytes, checksum: str) -> None:
        """Puts a zip into the archive, and what its checksum says."""
        name = f"{symbol}-1m-{period}.zip"
        folder = self.path / "data/spot" / scope / "klines" / symbol / "1m"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
        (folder / f"{name}.CHECKSUM").write_text(f"{checksum}  {name}")

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        """Answers one request."""
        address = urlsplit(request.path)
        self.asked.append(unquote(address.path))
        file = self.path / unquote(address.path).lstrip("/")
        if address.path == "/":
            self._send(request, 200, self._listing(parse_qs(address.query)))
        elif file.is_file():
            if file.suffix == ".zip":
                self._enter()
            modified = formatdate(int(file.stat().st_mtime), usegmt=True)
            self._send(request, 200, file.read_bytes(), **{"Last-Modified": modified})
            if file.suffix == ".zip":
                self._leave()
        else:
            self._send(request, 404, b"<Error><Code>NoSuchKey</Code></Error>")

    def _enter(self) -> None:
        with self._changed:
            self._now += 1
            self.most = max(self.most, self._now)
            self._changed.notify_all()
            self._changed.wait_for(lambda: self.most >= self.wait_for, timeout=5)

    def _leave(self) -> None:
        with self._changed:
            self._now -= 1

    def _send(self, request: BaseHTTPRequestHandler, status: int, body: bytes, **headers: str) -> None:
        request.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(body)

    def _listing(self, query: dict[str, list[str]]) -> bytes:
        prefix, marker = query["prefix"][0], query.get("marker", [""])[0]
        files = {path.relative_to(self.path).as_posix(): path.stat() for path in self.path.rglob("*") if path.is_file()}
        entries = [
            f"<Contents><Key>{escape(key)}</Key><LastModified>"
            f"{EPOCH + timedelta(seconds=int(stat.st_mtime)):%Y-%m-%dT%H:%M:%S}.000Z</LastModified>"
            f"<Size>{stat.st_size}</Size></Contents>"
            for key, stat in sorted(files.items())
            if key.startswith(prefix) and key > marker
        ]
        return (
            '<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
            f"<IsTruncated>false</IsTruncated>{''.join(entries)}</ListBucketResult>"
        ).encode()
