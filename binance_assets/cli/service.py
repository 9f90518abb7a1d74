"""``binance-assets service``: the code, the daemon and the UI as one thing that runs until it is stopped."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated

import dagster as dg
import typer
from dagster._core.storage.tags import GRPC_INFO_TAG
from filelock import FileLock, Timeout

from binance_assets.cli.common import EXIT_FAILED, fail, home_of_settings
from binance_assets.home import Home
from binance_assets.runs import SWITCH, release_dead_runs
from binance_assets.supervisor import GRACE_SECONDS, Supervisor

_MODULE = "binance_assets.definitions"

_log = logging.getLogger(__name__)


def service(
    port: Annotated[int, typer.Option(help="Port of the UI, on this machine only.")] = 3000,
    host: Annotated[str, typer.Option(help="Address of the UI. It asks for no password.")] = "127.0.0.1",
    ui: Annotated[bool, typer.Option("--ui/--no-ui", help="Whether to serve the UI.")] = True,
) -> None:
    """Run until stopped: the daemon and the UI, with everything that is to run by itself switched on.

    A process that dies is started again. SIGTERM and Ctrl-C stop all; what a run has begun is finished within
    half a minute. It ends with 1 if a service runs already, or if something did not end in time and was killed.
    """
    logging.Formatter.converter = time.gmtime
    logging.basicConfig(format="%(asctime)s %(message)s", datefmt="%Y-%m-%dT%H:%M:%SZ")
    logging.getLogger("binance_assets").setLevel(logging.INFO)
    _, home = home_of_settings()
    home.prepare_dagster()
    try:
        with FileLock(home.dagster / ".service.lock", blocking=False):
            in_time = asyncio.run(_serve(home, (host, port) if ui else None))
    except Timeout:
        fail(f"A service runs on {home.path} already; stop that one first.", EXIT_FAILED)
    if not in_time:
        raise typer.Exit(EXIT_FAILED)


async def _serve(home: Home, ui: tuple[str, int] | None) -> bool:
    """Keep the processes up until a signal comes, then end them. Whether all of them ended in time."""
    with home.dagster_instance() as instance:
        _end_lost_runs(instance)
        release_dead_runs(instance)
    with tempfile.TemporaryDirectory(prefix="binance-assets-") as folder:
        address, workspace = Path(folder) / "code.sock", Path(folder) / "workspace.yaml"
        # Named as `dev` names it, so that both show the same ticks and switches.
        location = {"grpc_server": {"socket": str(address), "host": "localhost", "location_name": _MODULE}}
        workspace.write_text(json.dumps({"load_from": [location]}), encoding="utf-8")  # JSON is YAML
        python, quiet = [sys.executable, "-m"], ["--log-level", "warning"]
        code = ["-m", _MODULE, "--location-name", _MODULE, "-s", str(address)]
        # Few arenas of malloc: with the usual number, processes of many threads grow for hours.
        supervisor = await Supervisor.open({"MALLOC_ARENA_MAX": "2", **os.environ, SWITCH: "1"})
        supervisor.keep("code", [*python, "dagster", "api", "grpc", *code, *quiet])
        await supervisor.until_open(address)
        supervisor.keep("daemon", [*python, "dagster._daemon", "run", "-w", str(workspace), *quiet])
        if ui:
            host, port = ui
            served = ["-w", str(workspace), "-h", host, "-p", str(port), "--dagster-log-level", "warning"]
            supervisor.keep("ui", [*python, "dagster_webserver", *served, *quiet])
            _log.info("The UI will be on http://%s:%s", host, port)
        await supervisor.stopping.wait()
        _log.info("Stopping; what a run has begun is finished within %.0f s", GRACE_SECONDS)
        with home.dagster_instance() as instance:
            _cancel_runs(instance, address)
        return await supervisor.end()


def _end_lost_runs(instance: dg.DagsterInstance) -> None:
    """End the runs of a service that is gone: nobody else would before their longest time is over.

    Such a run names the socket of the code server that started it. Where nobody listens, the run has gone with it.
    """
    for run, server in _unfinished_runs(instance):
        address = server.get("socket")
        if address and not _listens(address):
            instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
            instance.report_run_failed(run, "The service of this run is gone; it was killed, or the machine went down.")


def _cancel_runs(instance: dg.DagsterInstance, address: Path) -> None:
    """Mark the service's runs as being cancelled, so that the signal that they are to get is no failure to be retried.

    Runs of other commands on this home, of `dev` too, go on.
    """
    for run, server in _unfinished_runs(instance):
        if server.get("socket") == str(address) and run.status != dg.DagsterRunStatus.CANCELING:
            instance.report_run_canceling(run, "The service is being stopped.")


def _unfinished_runs(instance: dg.DagsterInstance) -> list[tuple[dg.DagsterRun, dict[str, str]]]:
    """The runs that a code server started, with what they say of it."""
    statuses = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]
    runs = instance.get_runs(dg.RunsFilter(statuses=statuses))
    return [(run, json.loads(run.tags[GRPC_INFO_TAG])) for run in runs if GRPC_INFO_TAG in run.tags]


def _listens(address: str) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(address) == 0
