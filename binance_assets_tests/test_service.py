"""The service keeps its processes up and leaves none behind, however it goes."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TypeVar

import dagster as dg
import psutil
import pytest
from dagster._core.storage.tags import GRPC_INFO_TAG

from binance_assets.home import Home

T = TypeVar("T")

_SUPERVISED = """
import asyncio, os, sys
from binance_assets import supervisor

supervisor.GRACE_SECONDS = 1.0
supervisor.BACK_OFF_SECONDS = (0.1, 60.0)

async def main():
    supervised = await supervisor.Supervisor.open({**os.environ, "SWITCH": "on"})
    supervised.keep("one", ["/bin/sh", "-c", sys.argv[1]])
    await supervised.stopping.wait()
    return await supervised.end()

sys.exit(0 if asyncio.run(main()) else 1)
"""
_SERVICE = "import typer; from binance_assets.cli.service import service; typer.run(service)"
_WITH_A_CHILD = "sleep 1000 & echo $$ $! > pids.new; mv pids.new pids; wait"


def until(look: Callable[[], T], seconds: float = 60) -> T:
    """What a look shows once it shows something."""
    ends = time.monotonic() + seconds
    while not (seen := look()):
        assert time.monotonic() < ends, f"in vain for {seconds} s"
        time.sleep(0.05)
    return seen


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Start a script of the above in its own folder; who is left at the end of the test is killed."""
    started: list[subprocess.Popen[bytes]] = []
    environment = {name: value for name, value in os.environ.items() if name != "DAGSTER_HOME"}
    environment |= {"BINANCE_ASSETS_HOME": str(tmp_path / "home"), "BINANCE_SOURCE": "sandbox"}

    def run(script: str, *arguments: str) -> subprocess.Popen[bytes]:
        with (tmp_path / "log").open("ab") as log:
            command = [sys.executable, "-c", script, *arguments]
            started.append(subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=log, stdout=log))
        return started[-1]

    yield run
    for process in started:
        process.kill()
        process.wait()


def pids_in(file: Path) -> list[int]:
    return [int(pid) for pid in file.read_text(encoding="utf-8").split()] if file.exists() else []


def is_alive(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def family(process: subprocess.Popen[bytes]) -> list[int]:
    return [child.pid for child in psutil.Process(process.pid).children(recursive=True)]


def code_servers(service: subprocess.Popen[bytes]) -> set[int]:
    everybody = psutil.process_iter(["ppid", "cmdline"])
    return {one.pid for one in everybody if one.info["ppid"] == service.pid and "grpc" in (one.info["cmdline"] or [])}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_nobody_is_left(start: Callable[..., subprocess.Popen[bytes]], tmp_path: Path, number: signal.Signals) -> None:
    supervised = start(_SUPERVISED, _WITH_A_CHILD)
    pids = until(lambda: pids_in(tmp_path / "pids"))
    everybody = family(supervised)
    assert set(pids) < set(everybody)
    supervised.send_signal(number)
    assert supervised.wait(10) == (-number if number == signal.SIGKILL else 0)
    until(lambda: not any(is_alive(pid) for pid in everybody), 10)


def test_who_does_not_end_in_time_is_killed_and_the_exit_code_says_so(
    start: Callable[..., subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    supervised = start(_SUPERVISED, f'trap "" TERM; {_WITH_A_CHILD}')
    pids = until(lambda: pids_in(tmp_path / "pids"))
    supervised.terminate()
    assert supervised.wait(10) == 1
    assert not any(is_alive(pid) for pid in pids)


def test_what_ends_is_started_again_with_its_environment(
    start: Callable[..., subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    supervised = start(_SUPERVISED, "echo $SWITCH >> starts")
    starts = tmp_path / "starts"
    until(lambda: starts.exists() and len(starts.read_text(encoding="utf-8").split()) >= 3)
    assert set(starts.read_text(encoding="utf-8").split()) == {"on"}
    supervised.terminate()
    assert supervised.wait(10) == 0


def test_the_service_serves_recovers_and_stops(
    start: Callable[..., subprocess.Popen[bytes]], tmp_path: Path, home: Home
) -> None:
    with home.dagster_instance() as instance:
        server = json.dumps({"host": "localhost", "socket": str(tmp_path / "gone.sock")})
        lost = instance.create_run_for_job(_job, status=dg.DagsterRunStatus.STARTED, tags={GRPC_INFO_TAG: server})
        others = instance.create_run_for_job(_job, status=dg.DagsterRunStatus.STARTED)
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    service = start(_SERVICE, "--port", str(port))
    until(lambda: locations(port) == {"binance_assets.definitions": "RepositoryLocation"})

    with home.dagster_instance() as instance:
        assert [instance.get_run_by_id(run.run_id).status.value for run in (lost, others)] == ["FAILURE", "STARTED"]

    assert start(_SERVICE, "--port", str(port)).wait(30) == 1
    assert "already" in (tmp_path / "log").read_text(encoding="utf-8")

    [code] = code_servers(service)
    os.kill(code, signal.SIGKILL)
    until(lambda: code_servers(service) - {code})

    everybody = family(service)
    service.terminate()
    assert service.wait(40) == 0
    assert not any(is_alive(pid) for pid in everybody)


def locations(port: int) -> dict[str, str]:
    """The code locations that the UI has, and what came of loading them; empty while it does not answer."""
    query = "{workspaceOrError{...on Workspace{locationEntries{name locationOrLoadError{__typename}}}}}"
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/graphql",
        json.dumps({"query": query}).encode(),
        {"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            entries = json.load(response)["data"]["workspaceOrError"]["locationEntries"]
    except OSError:
        return {}
    return {entry["name"]: (entry["locationOrLoadError"] or {}).get("__typename", "") for entry in entries}


@dg.job
def _job() -> None:
    pass
