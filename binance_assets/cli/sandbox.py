"""The command that runs the simulated exchange by itself."""

from __future__ import annotations

import json
import os
import signal
import threading
from pathlib import Path
from typing import Annotated

import typer

from binance_assets.cli.common import EXIT_FAILED, fail, out
from binance_assets.sandbox import Fault, Sandbox
from binance_assets.sandbox.archive_defects import KINDS as DEFECTS
from binance_assets.sandbox.archive_defects import read_defects
from binance_assets.sandbox.coinmarketcap import DEFAULT_CREDITS
from binance_assets.sandbox.faults import KINDS, read_faults
from binance_assets.sandbox.market import DEFAULT_SEED


def sandbox(
    port: Annotated[int, typer.Option(min=0, max=65535, help="On 127.0.0.1; 0 for any free one.")] = 8700,
    seed: Annotated[int, typer.Option(help="The same seed makes the same prices at the same time.")] = DEFAULT_SEED,
    fault: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KIND[:ENDPOINT[:COUNT]]",
            help=f"Misbehave, for so many requests or until it is cleared. Repeatable. Kinds: {', '.join(KINDS)}.",
        ),
    ] = None,
    faults: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="A JSON list of faults, each as it would be posted."),
    ] = None,
    archive_defects: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help=f"A JSON list of defects of its archive, each as it would be posted. Kinds: {', '.join(DEFECTS)}.",
        ),
    ] = None,
    coinmarketcap_credits: Annotated[
        int, typer.Option(min=0, help="Credits a month of each of CoinMarketCap's keys; any key is taken.")
    ] = DEFAULT_CREDITS,
    as_json: Annotated[bool, typer.Option("--json", help="Print one line of JSON, for programs.")] = False,
) -> None:
    """Serve a simulated exchange, and a simulated CoinMarketCap, on this machine until Ctrl-C. All of it is made up.

    Faults can be set while it runs, too: POST, GET and DELETE /sandbox/faults. A schedule of them is a list such as
    `[{"kind": "503", "begins_in": 60, "seconds": 300}, {"kind": "418", "begins_in": 600, "count": 1, "amount": 120}]`.
    Defects of the archive are at /sandbox/archive-defects, such as
    `[{"kind": "flipped_byte", "symbol": "BTCUSDT", "period": "2020-01"}]`.

    Example: `binance-assets sandbox --port 8700 --fault 429:ticker/price:3`
    """
    try:
        wanted = [Fault.parse(text) for text in fault or ()]
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--fault") from error
    try:
        wanted += read_faults(faults.read_bytes()) if faults else []
    except ValueError as error:
        raise typer.BadParameter(f"{faults}: {error}", param_hint="--faults") from error
    try:
        defects = read_defects(archive_defects.read_bytes()) if archive_defects else []
    except ValueError as error:
        raise typer.BadParameter(f"{archive_defects}: {error}", param_hint="--archive-defects") from error
    exchange = Sandbox(seed, port, coinmarketcap_credits=coinmarketcap_credits)
    exchange.fail(*wanted)
    exchange.spoil(*defects)
    try:
        exchange.start()
    except OSError as error:
        fail(
            f"Port {port} cannot be used: {os.strerror(error.errno or 0)}. Choose another one with --port.", EXIT_FAILED
        )

    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    if as_json:
        typer.echo(json.dumps({"url": exchange.url, "seed": seed, "simulated": True}))
    else:
        out.print(
            f"[bold yellow]SIMULATED[/] exchange at [bold]{exchange.url}[/] with seed {seed}; Ctrl-C stops it.\n\n"
            f"  curl '{exchange.url}/api/v3/ticker/price?symbol=BTCUSDT'\n"
            f"  BINANCE_SOURCE=sandbox BINANCE_API_URL={exchange.url} binance-assets run\n"
            f'  curl -d \'{{"kind": "429", "endpoint": "ticker/price", "count": 3}}\' {exchange.url}/sandbox/faults',
            soft_wrap=True,
            highlight=False,
        )
    stopped.wait()
    exchange.stop()
