"""Runs steps of the project in processes of their own, each of which may be killed (signal 9) at any moment."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

from binance_assets.archive.history import bring
from binance_assets.archive.load import load_archive
from binance_assets.archive.missing_days import ask_for_days, unasked_days
from binance_assets.archive.onlooker import Onlooker
from binance_assets.cli import main as command_line
from binance_assets.clients.budget import SPARE_SHARE
from binance_assets.exchange import open_archive, open_client
from binance_assets.home import Home
from binance_assets.raw.load import load
from binance_assets.repair import repair_gaps
from binance_assets.settings import load_settings

ROOT = Path(__file__).parent.parent


class Ended(NamedTuple):
    """How a process ended: its exit code, -9 if it was killed; and after how many seconds."""

    code: int
    seconds: float


Run = Callable[..., Ended]


@contextmanager
def processes(home: Path, symbols: list[str], first: date, last: date, **environment: str) -> Iterator[Run]:
    """Runs steps of a home: ``run("backfill", kill_after=3.5)``; without a time, the step runs to its end.

    Args:
        home: The home's folder.
        symbols: Of the pairs whose candles are brought in.
        first: The first day.
        last: The last day.
        environment: Settings.
    """
    settings = {**os.environ, **environment, "BINANCE_ASSETS_HOME": str(home), "DAGSTER_HOME": str(home / "dagster")}
    command = [sys.executable, "-m", __name__, ",".join(symbols), first.isoformat(), last.isoformat()]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, env=settings, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdin
        assert process.stdout
        orders, answers = process.stdin, process.stdout

        def run(step: str, kill_after: float | None = None) -> Ended:
            orders.write(json.dumps([step, kill_after]) + "\n")
            orders.flush()
            answer = answers.readline()
            if not answer:
                raise RuntimeError("the process that runs the others has ended")
            return Ended(*json.loads(answer))

        yield run
        orders.close()


def _command(symbols: str, first: str, last: str) -> None:
    """The command as it is, with Dagster, all checks and the export."""
    sys.argv[1:] = ["backfill", "--json", "--symbols", symbols, "--from", first, "--to", last]
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
        command_line()


def _work(symbols: str, first: str, last: str) -> None:
    """What the command does with candles: download, ask, load."""
    settings = load_settings()
    store = Home.of(settings).store("sandbox")
    with open_archive(settings, "sandbox") as archive:
        days = date.fromisoformat(first), date.fromisoformat(last)
        outcome = bring(store, archive, symbols.split(","), *days, Onlooker())
    if spans := unasked_days(store, outcome.missing):
        with open_client(settings, Home.of(settings), "sandbox", share=SPARE_SHARE) as client:
            ask_for_days(store, client, spans, Onlooker())
    with store.warehouse.connect() as connection:
        load(connection, store.landing)
    load_archive(store.warehouse, store.landing)


def _repair(symbols: str, first: str, last: str) -> None:
    """What the sensor of gaps starts."""
    settings = load_settings()
    home = Home.of(settings)
    with (
        open_client(settings, home, "sandbox", share=SPARE_SHARE) as client,
        open_archive(settings, "sandbox") as archive,
    ):
        now = datetime.now(UTC).replace(tzinfo=None)
        repair_gaps(home.store("sandbox"), client, archive, settings.repaired_symbols, now)


STEPS: Mapping[str, Callable[[str, str, str], None]] = {"backfill": _command, "work": _work, "repair": _repair}


def _serve(arguments: tuple[str, str, str]) -> None:
    """A process for each line of input; answers with how it ended."""
    for line in sys.stdin:
        step, kill_after = json.loads(line)
        if step == "backfill":
            import_module("binance_assets.definitions")  # once, for all processes
        started = time.monotonic()
        child = os.fork()
        if child == 0:
            _be(STEPS[step], arguments)
        timer = threading.Timer(kill_after or threading.TIMEOUT_MAX, os.kill, (child, signal.SIGKILL))
        timer.daemon = True
        timer.start()
        _, status = os.waitpid(child, 0)
        timer.cancel()
        print(json.dumps([os.waitstatus_to_exitcode(status), time.monotonic() - started]), flush=True)


def _be(step: Callable[[str, str, str], None], arguments: tuple[str, str, str]) -> None:
    try:
        step(*arguments)
    except SystemExit as error:
        os._exit(int(error.code or 0))
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


if __name__ == "__main__":
    _serve((sys.argv[1], sys.argv[2], sys.argv[3]))
