"""An application over HTTP on this machine only, in a thread of this process."""

from __future__ import annotations

import socket
import threading
import time
from typing import Any

import uvicorn
from starlette.applications import Starlette

HOST = "127.0.0.1"

_LONGEST_START_SECONDS = 10.0


class Loopback:
    """Serves an application on a port of this machine.

    Args:
        app: What answers.
        name: What it is called where it does not start.
        port: 0 for any free one.
        options: Of uvicorn's configuration.
    """

    def __init__(self, app: Starlette, name: str, port: int, **options: Any) -> None:
        self._name = name
        self._address = (HOST, port)
        self._thread: threading.Thread | None = None
        self._server = uvicorn.Server(
            uvicorn.Config(
                app, log_config=None, access_log=False, lifespan="off", ws="none", server_header=False, **options
            )
        )

    @property
    def url(self) -> str:
        """Its address, without a slash at the end. Of a port that is any free one it is known once it serves."""
        host, port = self._address
        return f"http://{host}:{port}"

    def start(self) -> None:
        """Serve from now on, until ``stop`` or the end of the process.

        Raises:
            OSError: The port is in use.
        """
        listener = socket.create_server(self._address)
        self._address = listener.getsockname()
        self._thread = threading.Thread(target=self._server.run, args=([listener],), name=self._name, daemon=True)
        self._thread.start()
        give_up_at = time.monotonic() + _LONGEST_START_SECONDS
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > give_up_at:
                raise RuntimeError(f"the {self._name} did not start at {self.url}")
            time.sleep(0.005)

    def stop(self) -> None:
        """Close all connections and free the port."""
        if self._thread:
            self._server.should_exit = True
            self._thread.join()
            self._thread = None
