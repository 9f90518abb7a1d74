"""The command that collects in the foreground, for a service manager or for somebody who watches."""

from __future__ import annotations

import json
import logging
import signal
import sys
import threading
from collections import deque
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.console import Group
from rich.live import Live
from rich.logging import RichHandler
from rich.table import Table
from rich.text import Text

from binance_assets.cli.common import EXIT_EXCHANGE, EXIT_FAILED, errors, fail, home_of_settings, out
from binance_assets.cli.show import SIMULATED
from binance_assets.clients import WrongExchange
from binance_assets.collector import Collector, CollectorRuns, Minute
from binance_assets.exchange import choose_source
from binance_assets.landing import Capture, MissedSample

_SHOWN_MINUTES = 10


def collect(
    as_json: Annotated[bool, typer.Option("--json", help="Print one line of JSON a minute, for programs.")] = False,
) -> None:
    """Sample the whole market until Ctrl-C or SIGTERM; every minute's averages are there seconds after its end.

    Both end it with 0: a service manager is to see no failure in that. Metadata, sealing and export are not in it.
    """
    settings, home = home_of_settings()
    source, _ = choose_source(settings, home)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    view = _Json() if as_json else _LiveView(source == "sandbox") if out.is_terminal else _Lines(source == "sandbox")
    collector = Collector(
        home, home.store(source), settings, on_minute=view.minute, on_sample=view.sample, on_trouble=view.trouble
    )
    try:
        with view:
            collector.collect(take_over=False)
    except CollectorRuns as error:
        fail(str(error), EXIT_FAILED)
    except WrongExchange as error:
        fail(str(error), EXIT_EXCHANGE)
    except KeyboardInterrupt:
        errors.print("Stopped. What was sampled is landed.")
        raise typer.Exit(0) from None


def _stop(*_: object) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # once is enough; what was sampled is being landed
    raise KeyboardInterrupt


class _Json:
    """A line a minute, for programs."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        pass

    def sample(self, sample: Capture | MissedSample) -> None:
        pass

    def minute(self, minute: Minute) -> None:
        line = {**vars(minute), "minute_utc": f"{minute.minute_utc.isoformat()}Z", "coverage": minute.coverage}
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()

    def trouble(self, what: str) -> None:
        sys.stderr.write(what + "\n")


class _Lines(_Json):
    """A line a minute, for a log."""

    def __init__(self, is_simulated: bool) -> None:
        self._prefix = "SIMULATED " if is_simulated else ""
        logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s")

    def minute(self, minute: Minute) -> None:
        out.print(f"{self._prefix}{_as_line(minute)}", highlight=False, soft_wrap=True)


class _LiveView(_Json):
    """What happens, as it happens."""

    def __init__(self, is_simulated: bool) -> None:
        self._is_simulated = is_simulated
        self._minutes: deque[Minute] = deque(maxlen=_SHOWN_MINUTES)
        self._last: Capture | MissedSample | None = None
        self._trouble: str | None = None
        self._lock = threading.Lock()
        self._live = Live(console=out, get_renderable=self._render, refresh_per_second=2, transient=False)
        logging.basicConfig(level=logging.WARNING, format="%(message)s", handlers=[RichHandler(console=out)])

    def __enter__(self) -> None:
        self._live.start()

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def sample(self, sample: Capture | MissedSample) -> None:
        self._last = sample

    def minute(self, minute: Minute) -> None:
        with self._lock:
            self._minutes.append(minute)
            self._trouble = None

    def trouble(self, what: str) -> None:
        self._trouble = what

    def _render(self) -> Group:
        table = Table("Minute", "Samples", "Prices", "Lag", "Weight", "Clock")
        for column in table.columns[1:]:
            column.justify = "right"
        with self._lock:
            for minute in self._minutes:
                table.add_row(
                    f"{minute.minute_utc:%H:%M}",
                    f"{minute.samples} of {minute.expected}",
                    f"{minute.prices:,}",
                    f"{minute.lag_seconds:.1f} s",
                    str(minute.used_weight or ""),
                    f"{minute.clock_offset_seconds:+.1f} s",
                )
        parts: list[Any] = [Text.from_markup(SIMULATED)] if self._is_simulated else []
        parts += [self._newest(), table]
        if self._trouble:
            parts.append(Text(self._trouble, style="red"))
        return Group(*parts)

    def _newest(self) -> Text:
        match self._last:
            case Capture(received_at=at):
                return Text(f"Last sample {_time(at)} UTC; Ctrl-C stops")
            case MissedSample(due_at=at, message=message):
                return Text(f"No sample at {_time(at)} UTC: {message}", style="yellow")
            case _:
                return Text("Waiting for the first grid point; Ctrl-C stops")


def _as_line(minute: Minute) -> str:
    return (
        f"{minute.minute_utc:%Y-%m-%d %H:%M} UTC: {minute.samples} of {minute.expected} samples, "
        f"{minute.prices:,} prices, closed {minute.lag_seconds:.1f} s after its end, weight {minute.used_weight or '?'}"
    )


def _time(instant: datetime) -> str:
    return f"{instant:%H:%M:%S}"
