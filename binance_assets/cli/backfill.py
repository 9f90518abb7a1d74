"""The command that brings years of candles in from the exchange's archive."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.panel import Panel
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from binance_assets.archive.choice import Choice, UnknownPairs, choose_pairs
from binance_assets.archive.history import FIRST_DAY, OPENED
from binance_assets.archive.load import LoadedMonth
from binance_assets.archive.onlooker import Onlooker
from binance_assets.archive.summary import summary_of
from binance_assets.cli.common import (
    EXIT_EXCHANGE,
    EXIT_FAILED,
    EXIT_INTERRUPTED,
    EXIT_USAGE,
    errors,
    fail,
    home_of_settings,
    out,
)
from binance_assets.cli.downloads import download_bar
from binance_assets.cli.show import SIMULATED
from binance_assets.clients.archive import DAY
from binance_assets.exchange import choose_source
from binance_assets.home import Home, Store
from binance_assets.landing.archive import Amount, OnProgress, Outcome
from binance_assets.landing.archive import Progress as Downloaded
from binance_assets.runs import Finished, RunFailed, RunInterrupted, execute
from binance_assets.settings import Settings

_SHOWN = 20
"""Files, and spans of days, that are named; --json has all."""


def backfill(
    symbols: Annotated[
        str | None,
        typer.Option(help="Pairs, separated by commas. Default: those of BINANCE_WATCH_LIST.", metavar="A,B,..."),
    ] = None,
    quote: Annotated[str | None, typer.Option(help="Instead: all pairs priced in this currency, such as USDT.")] = None,
    all_pairs: Annotated[bool, typer.Option("--all", help="Instead: all pairs of the exchange.")] = False,
    first: Annotated[
        str, typer.Option("--from", help="First day. By default the first that the archive has.", metavar="YYYY-MM-DD")
    ] = FIRST_DAY.isoformat(),
    last: Annotated[
        str | None, typer.Option("--to", help="Last day. Default: yesterday, UTC.", metavar="YYYY-MM-DD")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document, for programs.")] = False,
) -> None:
    """Bring one-minute candles in from the exchange's archive: download, verify, load, check, export.

    Files of whole months, and of days where there is none of a month; days that no file brings come from the API. What
    is there is not downloaded again: stopped at any point, the same command goes on where it was. What is wrong in a
    file is named and ends nothing, so that the exit code is 0 then, too: see raw.archive_defect.
    """
    choice = _choice(symbols, quote, all_pairs=all_pairs)
    days = _day(first, "--from"), _day(last, "--to") if last else _today() - DAY
    if days[1] < days[0]:
        fail(f"--to {days[1]} is before --from {days[0]}.", EXIT_USAGE)
    settings, home = home_of_settings()
    source, reason = choose_source(settings, home)
    if source == "sandbox":
        errors.print(f"{SIMULATED} ({reason})", soft_wrap=True)
    store = home.store(source)
    pairs = _pairs(settings, home, store, choice)
    errors.print(f"{_named(pairs)}, {days[0]} to {days[1]}, from the exchange's archive", soft_wrap=True)
    view = _View()
    finished = _execute(home, choice, days, view)
    with store.warehouse.connect() as connection:
        found = summary_of(connection, view.outcome, pairs, *days)
    found = {
        "source": source,
        "simulated": store.is_simulated,
        **found,
        "months_loaded": [month.month for month in view.months],
        "not_loaded": view.reason,
        "api_not_asked": view.not_asked_because,
        "failed_checks": [vars(check) for check in finished.failed_checks],
        "landing": store.landing.path / "archive",
        "lake": store.warehouse.lake / "kline",
        "warehouse": store.warehouse.path,
        "export": store.export,
        "run_id": finished.run_id,
    }
    if as_json:
        sys.stdout.write(json.dumps(found, indent=2, default=str, ensure_ascii=False) + "\n")
    else:
        _print_summary(found)
    if view.reason:
        fail(f"{view.reason} Run the same command again when it has ended.", EXIT_FAILED)
    if any(check.severity == "ERROR" for check in finished.failed_checks):
        fail("The work is done, but a check found what should not be; see above.", EXIT_FAILED)


class _View(Onlooker):
    """Shows how far it is, and keeps what came of it."""

    def __init__(self) -> None:
        self.outcome = Outcome((), (), (), Downloaded())
        self.months: list[LoadedMonth] = []
        self.reason: str | None = None
        self.not_asked_because: str | None = None

    def waits(self, what_for: str) -> None:
        errors.print(f"Waiting for {what_for} to end ...")

    def to_come(self, amount: Amount, free: int) -> None:
        if amount.files:
            errors.print(
                f"{amount.files:,} files of {_size(amount.bytes)} to download; {_size(free)} are free", soft_wrap=True
            )

    @contextmanager
    def downloading(self) -> Iterator[OnProgress]:
        with download_bar(errors) as on_progress:
            yield on_progress

    def brought(self, outcome: Outcome) -> None:
        self.outcome = outcome

    @contextmanager
    def asking(self, minutes: int) -> Iterator[Callable[[int], object]]:
        columns = (BarColumn(), MofNCompleteColumn(), TextColumn("minutes asked of the API"), TimeRemainingColumn())
        with Progress(*columns, console=errors) as bar:
            task = bar.add_task("", total=minutes)
            yield lambda answered: bar.update(task, advance=answered)

    def not_asked(self, why: str) -> None:
        self.not_asked_because = why

    @contextmanager
    def loading(self, months: int) -> Iterator[Callable[[LoadedMonth], object]]:
        columns = (BarColumn(), MofNCompleteColumn(), TextColumn("months loaded"), TimeRemainingColumn())
        with Progress(*columns, TextColumn("{task.description}"), console=errors, disable=not months) as bar:
            task = bar.add_task("", total=months)

            def show(month: LoadedMonth) -> None:
                self.months.append(month)
                done = len(self.months)
                bar.update(
                    task,
                    total=max(months, done),
                    completed=done,
                    description=f"{month.month}: {month.candles:,} candles",
                )

            yield show
        errors.print("Checking and exporting ...")

    def not_loaded(self, why: str) -> None:
        self.reason = why


def _choice(symbols: str | None, quote: str | None, *, all_pairs: bool) -> Choice:
    names = tuple(dict.fromkeys(part.strip() for part in (symbols or "").split(",") if part.strip()))
    if sum((symbols is not None, quote is not None, all_pairs)) > 1:
        fail("--symbols, --quote and --all exclude each other.", EXIT_USAGE)
    if symbols is not None and not names:
        fail("--symbols should name a pair, such as BTCUSDT.", EXIT_USAGE)
    if quote == "":
        fail("--quote should be a currency, such as USDT.", EXIT_USAGE)
    return Choice(names, quote, all_pairs)


def _day(text: str, option: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        fail(f"{option} {text}: it should be a day such as 2020-01-31.", EXIT_USAGE)
    if day < OPENED:
        fail(f"{option} {day}: the exchange opened on {OPENED}.", EXIT_USAGE)
    if day > _today():
        fail(f"{option} {day} is in the future.", EXIT_USAGE)
    return day


def _pairs(settings: Settings, home: Home, store: Store, choice: Choice) -> list[str]:
    """The symbols that are meant. A new home asks the exchange what pairs there are first."""
    with store.warehouse.connect() as connection:
        is_new = not connection.count("core.pair")
    if is_new:
        errors.print("This home knows no pairs yet; the exchange is asked for them.")
        _run(home, "refresh")
    try:
        with store.warehouse.connect() as connection:
            return choose_pairs(connection, choice, settings.watch_list)
    except UnknownPairs as error:
        fail(f"{error}\nThe home's metadata may be old: `binance-assets run` gets the newest.", EXIT_USAGE)


def _execute(home: Home, choice: Choice, days: tuple[date, date], view: _View) -> Finished:
    from binance_assets.archive.assets import archive  # noqa: PLC0415 - Dagster is slow to load
    from binance_assets.archive.jobs import months_tags  # noqa: PLC0415 - the same

    config = {
        "symbols": list(choice.symbols),
        "quote": choice.quote,
        "all_pairs": choice.all_pairs,
        "first": days[0].isoformat(),
        "last": days[1].isoformat(),
    }
    return _run(
        home,
        "backfill",
        config={archive.op.name: {"config": {name: value for name, value in config.items() if value}}},
        tags=months_tags(*days),
        resources={"onlooker": view},
    )


def _run(home: Home, job: str, **arguments: Any) -> Finished:
    try:
        return execute(home, job, **arguments)
    except RunFailed as error:
        fail(str(error), EXIT_EXCHANGE if error.by_exchange else EXIT_FAILED)
    except RunInterrupted:
        fail("Stopped. What was downloaded and loaded stays; the same command goes on from there.", EXIT_INTERRUPTED)


def _print_summary(found: dict[str, Any]) -> None:
    title = f"binance_assets · {SIMULATED}" if found["simulated"] else "binance_assets · history of Binance Spot"
    out.print(Panel(title, expand=False))
    came, there = found["downloaded"], found["already_there"]
    months = f"{len(found['months_loaded']):,} month{'' if len(found['months_loaded']) == 1 else 's'}"
    out.print(
        f"[bold]{came['files']:,}[/] files downloaded ({_size(came['bytes'])}), {there['files']:,} were there "
        f"({_size(there['bytes'])}), {len(found['refused']):,} refused; {months} loaded"
    )
    out.print(
        f"[bold]{found['candles']:,}[/] candles of {_named(found['pairs'])} "
        f"in the months from {found['first_day'][:7]} to {found['last_day'][:7]}"
    )
    _print_some(
        "[red]Refused[/]",
        [f"{it['file'].rpartition('/')[2]}: {it['kind']}, {it['detail']}" for it in found["refused"]],
    )
    if found["api_not_asked"]:
        out.print(
            "[yellow]The API could not be asked[/] for all days that no file brings: "
            f"{escape(found['api_not_asked'])}. The same command asks again.",
            soft_wrap=True,
        )
    _print_some(
        f"Days that no file brings, from the API, {_days(found['from_api'])} in all",
        [f"{_span(it)}: {it['candles']:,} candles" for it in found["from_api"]],
    )
    _print_some(
        f"[yellow]Days that neither a file nor the API brings[/], {_days(found['missing'])} in all",
        [_span(it) for it in found["missing"]],
    )
    _print_some(
        "Begin later", [f"{symbol} in the file of {day}" for symbol, day in sorted(found["listed_later"].items())]
    )
    _print_some(
        "Found in the files (docs/archive.md says what each is; every one is a row of raw.archive_defect)",
        [
            f"{it['kind']}: {it['findings']:,} in {it['files']:,} files"
            + (f", {it['affected']:,} lines or minutes" if it["affected"] else "")
            for it in found["defects"]
        ],
    )
    for check in found["failed_checks"]:
        out.print(f"  {check['severity']} {check['asset']} · {check['name']}: {escape(check['description'])}")
    for name in ("landing", "lake", "warehouse", "export"):
        out.print(f"{name:10} {found[name]}", soft_wrap=True, highlight=False)


def _days(spans: list[dict[str, Any]]) -> str:
    return f"{sum(it['days'] for it in spans):,}"


def _span(it: dict[str, Any]) -> str:
    until = f" to {it['last']}" if it["days"] > 1 else ""
    return f"{it['symbol']} {it['first']}{until}"


def _print_some(title: str, lines: list[str]) -> None:
    """The first lines below a title; nothing where there is none."""
    if lines:
        out.print(f"{title}:", soft_wrap=True)
        for line in lines[:_SHOWN]:
            out.print(f"  {escape(line)}", soft_wrap=True, highlight=False)
    if len(lines) > _SHOWN:
        out.print(f"  and {len(lines) - _SHOWN:,} more: --json names all")


def _named(pairs: list[str]) -> str:
    return ", ".join(pairs) if len(pairs) <= 5 else f"{len(pairs):,} pairs"


def _size(count: int) -> str:
    return f"{count / 1e9:,.1f} GB" if count >= 10**9 else f"{count / 1e6:,.1f} MB"


def _today() -> date:
    return datetime.now(UTC).date()
