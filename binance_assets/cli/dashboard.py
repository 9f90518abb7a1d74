"""The command that serves the dashboard."""

from __future__ import annotations

import json
import os
import signal
import threading
import webbrowser
from typing import Annotated

import typer

from binance_assets.cli.common import EXIT_FAILED, Wanted, errors, fail, out, wanted_store
from binance_assets.cli.show import SIMULATED
from binance_assets.dashboard.page import PAGE
from binance_assets.dashboard.server import Dashboard


def dashboard(
    port: Annotated[int, typer.Option(min=0, max=65535, help="On 127.0.0.1; 0 for any free one.")] = 3002,
    open_: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
    source: Wanted = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one line of JSON, for programs.")] = False,
) -> None:
    """Serve the dashboard on this machine until Ctrl-C, with the whole history of every pair behind it.

    It reads the export and the lake, and never the warehouse: so it works while the collector does. Each new export
    is there when the page is loaded again.
    """
    _, store = wanted_store(source)
    server = Dashboard(store, port)
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    try:
        server.start()
    except OSError as error:
        fail(
            f"Port {port} cannot be used: {os.strerror(error.errno or 0)}. Choose another one with --port.", EXIT_FAILED
        )
    if as_json:
        typer.echo(json.dumps({"url": server.url, "source": store.source, "simulated": store.is_simulated}))
    else:
        if store.is_simulated:
            errors.print(SIMULATED)
        if not (store.export / PAGE).exists():
            errors.print(f"There is no dashboard in {store.export} yet. `binance-assets run` makes one.")
        out.print(f"The dashboard is on [bold]{server.url}[/]; Ctrl-C stops it.", soft_wrap=True, highlight=False)
    if open_:
        webbrowser.open(server.url)
    stopped.wait()
    server.stop()
