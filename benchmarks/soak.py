"""The whole service against the sandbox exchange in real time: lag, missed grid points, CPU, memory, event log.

Everything runs as a user runs it: `binance-assets service` with daemon, UI and collector and every schedule on, and a
sandbox beside it that is not counted. What is measured begins when the service has settled and ends after so many
whole minutes.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import dagster as dg
import numpy as np
import psutil
from rich.console import Console
from rich.table import Table

from benchmarks.market import INTERVAL
from binance_assets.home import Home

MINUTE = timedelta(minutes=1)
SETTLING = timedelta(minutes=3)
QUARTERS = (0, 0.25, 0.5, 0.75, 1)

QUERIES = {
    "grid points answered": """
        select count(distinct due_at) from raw.capture
        where date >= $since::date and due_at >= $since and due_at < $until
    """,
    "grid points missed": """
        select count(*) from raw.missed_sample where date >= $since::date and due_at >= $since and due_at < $until
    """,
    "minutes with averages": """
        select count(distinct minute_utc) from mart.fact_price_minute
        where date >= $since::date and minute_utc >= $since and minute_utc < $until and observation_count > 0
    """,
    "minute rows of less than their whole grid": """
        select count(*) from mart.fact_price_minute
        where date >= $since::date and minute_utc >= $since and minute_utc < $until and coverage < 1
    """,
    "rows of mart.gap": "select count(*) from mart.gap where from_utc < $until and coalesce(to_utc, $until) > $since",
}


@dataclass(frozen=True)
class Used:
    """CPU seconds of the service's processes so far, and their memory, by what they are for."""

    cpu_seconds: dict[str, float]
    megabytes: dict[str, float]


def used_by(service: psutil.Process, collector_pid: Path) -> Used:
    """Look at the service's processes.

    A run's process that has ended is in the CPU seconds of its parent, which waited for it; it counts as "runs".
    """
    cpu, memory = {"runs": 0.0}, dict[str, float]()
    collector = int(collector_pid.read_text(encoding="ascii")) if collector_pid.exists() else None
    for process in [service, *service.children(recursive=True)]:
        try:
            name = "collector" if process.pid == collector else _name_of(process)
            times, resident = process.cpu_times(), process.memory_info().rss
        except psutil.NoSuchProcess:
            continue
        cpu[name] = cpu.get(name, 0.0) + times.user + times.system
        cpu["runs"] += times.children_user + times.children_system
        memory[name] = memory.get(name, 0.0) + resident / 1e6
    return Used(cpu, memory)


def _name_of(process: psutil.Process) -> str:
    command = " ".join(process.cmdline())
    names = {"dagster._daemon": "daemon", "dagster_webserver": "UI", "dagster api grpc": "code server"}
    return next((name for part, name in names.items() if part in command), "runs and the rest")


@contextmanager
def running(command: list[str], environment: dict[str, str], log: Path) -> Iterator[psutil.Popen]:
    """A command that runs meanwhile, and is asked to end afterwards."""
    with log.open("wb") as output:
        process = psutil.Popen(command, env=environment, stdout=output, stderr=output)
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def soak(minutes: int, folder: Path) -> dict[str, object]:
    """Run everything for so many minutes after it has settled.

    Raises:
        RuntimeError: The service or the sandbox ended by itself.
    """
    program = str(Path(sys.executable).with_name("binance-assets"))
    home = Home(folder / "home")
    exchange_port, ui_port = _free_port(), _free_port()
    environment = {name: value for name, value in os.environ.items() if name != "DAGSTER_HOME"} | {
        "BINANCE_ASSETS_HOME": str(home.path),
        "BINANCE_SOURCE": "sandbox",
        "BINANCE_API_URL": f"http://127.0.0.1:{exchange_port}",
    }
    store, events = home.store("sandbox"), home.path / "dagster" / "event_log.db"
    looks: list[tuple[datetime, Used]] = []
    sandbox = [program, "sandbox", "--port", str(exchange_port)]
    service = [program, "service", "--port", str(ui_port)]
    with (
        running(sandbox, environment, folder / "sandbox.log") as market,
        running(service, environment, folder / "service.log") as serving,
    ):
        since = _whole_minute(datetime.now(UTC).replace(tzinfo=None) + SETTLING)
        until = since + minutes * MINUTE
        _sleep_until(since)
        log_before = _size(events)
        while (now := datetime.now(UTC).replace(tzinfo=None)) < until:
            if serving.poll() is not None or market.poll() is not None:
                raise RuntimeError(f"it ended by itself; see {folder}")
            looks.append((now, used_by(serving, store.path / "collector.pid")))
            _sleep_until(now + MINUTE)
        looks.append((until, used_by(serving, store.path / "collector.pid")))
        log_after = _size(events)
        _sleep_until(until + timedelta(seconds=20))  # the last minute is closed
    os.environ |= environment
    with home.dagster_instance() as instance:
        lags = _lags(instance, since, until)
        runs = [
            {"job": record.dagster_run.job_name, "status": record.dagster_run.status.value}
            for record in instance.get_run_records()
        ]
    with store.warehouse.connect() as connection:
        span = {"since": since, "until": until}
        counted = {name: connection.value(query, **span) for name, query in QUERIES.items()}
    (began, first), (ended, last) = looks[0], looks[-1]
    seconds = (ended - began).total_seconds()
    shares = {name: (spent - first.cpu_seconds.get(name, 0.0)) / seconds for name, spent in last.cpu_seconds.items()}
    return {
        "since": since.isoformat(),
        "minutes": minutes,
        **counted,
        "grid points due": minutes * MINUTE // INTERVAL,
        "lag_seconds": {"median": median(lags), "p95": float(np.quantile(lags, 0.95)), "longest": max(lags)},
        "minutes reported": len(lags),
        "share of a core": shares | {"together": sum(shares.values())},
        "megabytes": {
            name: {f"after {share:.0%}": _each(looks, name)[int(share * (len(looks) - 1))] for share in QUARTERS}
            for name in first.megabytes
            if len(_each(looks, name)) == len(looks)
        },
        "event log, megabytes a day": (log_after - log_before) / 1e6 * 86400 / seconds,
        "runs": runs,
        "landing, megabytes": sum(_size(file) for file in (store.path / "landing").rglob("*") if file.is_file()) / 1e6,
    }


def _each(looks: list[tuple[datetime, Used]], name: str) -> list[float]:
    return [used.megabytes[name] for _, used in looks if name in used.megabytes]


def _lags(instance: dg.DagsterInstance, since: datetime, until: datetime) -> list[float]:
    """How long after its end each minute's averages were there, as the collector reported it."""
    lags, cursor, more = [], None, True
    while more:
        page = instance.fetch_materializations(dg.AssetKey(["mart", "fact_price_minute"]), limit=500, cursor=cursor)
        for record in page.records:
            materialization = record.asset_materialization
            reported_at = datetime.fromtimestamp(record.timestamp, UTC).replace(tzinfo=None)
            if materialization and "lag_seconds" in materialization.metadata and since + MINUTE <= reported_at:
                lags.append(float(materialization.metadata["lag_seconds"].value))  # type: ignore[arg-type]
        cursor, more = page.cursor, page.has_more
    return lags


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _whole_minute(instant: datetime) -> datetime:
    return instant.replace(second=0, microsecond=0)


def _sleep_until(instant: datetime) -> None:
    time.sleep(max(0.0, (instant - datetime.now(UTC).replace(tzinfo=None)).total_seconds()))


def _size(file: Path) -> int:
    """Bytes of a file, and of the write-ahead log beside it."""
    return sum(path.stat().st_size for path in (file, Path(f"{file}-wal")) if path.exists())


def show(found: dict[str, object]) -> None:
    """Print what was found, a line each."""
    table = Table(title=f"{found['minutes']} minutes from {found['since']}Z", title_justify="left", show_header=False)
    for name, value in found.items():
        if isinstance(value, dict):
            for part, figure in value.items():
                shown = figure if isinstance(figure, dict) else {"": figure}
                table.add_row(
                    f"{name}: {part}", "  ".join(f"{word} {_short(it)}".strip() for word, it in shown.items())
                )
        elif isinstance(value, list):
            for it in value:
                table.add_row(name, "  ".join(map(str, it.values())))
        else:
            table.add_row(name, _short(value))
    Console().print(table)


def _short(figure: object) -> str:
    return f"{figure:.3f}" if isinstance(figure, float) else str(figure)


def main() -> None:
    """Run, measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--minutes", type=int, default=60, metavar="N", help="how long to measure (60)")
    parser.add_argument("--json", action="store_true", help="print for programs")
    arguments = parser.parse_args()
    with TemporaryDirectory(prefix="soak-") as folder:
        found = soak(arguments.minutes, Path(folder))
    if arguments.json:
        print(json.dumps(found, indent=2))
    else:
        show(found)


if __name__ == "__main__":
    main()
