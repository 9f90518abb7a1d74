"""Commands. Each one is a few lines over the library; work that changes data runs as a Dagster job."""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from binance_assets.cli.backfill import backfill
from binance_assets.cli.collect import collect
from binance_assets.cli.common import (
    EXIT_EXCHANGE,
    EXIT_FAILED,
    EXIT_INTERRUPTED,
    EXIT_USAGE,
    Json,
    Wanted,
    errors,
    fail,
    home_of_settings,
    out,
    wanted_store,
)
from binance_assets.cli.dashboard import dashboard
from binance_assets.cli.powerbi import powerbi
from binance_assets.cli.query import query
from binance_assets.cli.report import report
from binance_assets.cli.sandbox import sandbox
from binance_assets.cli.service import service
from binance_assets.cli.show import SIMULATED, print_prices, print_status, print_summary
from binance_assets.clients import ExchangeError, WeightBudgetError
from binance_assets.exchange import choose_source, open_client
from binance_assets.export.publish import DamagedExport
from binance_assets.home import Home
from binance_assets.runs import Finished, RunFailed, RunInterrupted, execute
from binance_assets.settings import Settings, Source
from binance_assets.status import sizes_of, status_of
from binance_assets.warehouse import WarehouseError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    help="Every Binance Spot price, from the exchange's response to a checked star schema.\n\n"
    "Exit codes: 0 done, 1 the work failed, 2 the call or a setting makes no sense, "
    "3 the exchange gave no usable answer, 130 stopped by Ctrl-C.",
)


def main() -> None:
    """Run a command; what a person can do something about is said in a sentence, not as a traceback."""
    try:
        app()
    except (DamagedExport, WarehouseError, WeightBudgetError, OSError) as error:
        errors.print(str(error), style="red", markup=False, highlight=False, soft_wrap=True)
        sys.exit(EXIT_FAILED)


@app.command(epilog="Example: `binance-assets run`")
def run(as_json: Json = False) -> None:
    """Do everything once: metadata, one minute of the whole market's prices, all tables, checks, export."""
    settings, home = home_of_settings()
    source, reason = _choose(settings, home)
    if source == "sandbox":
        errors.print(
            f"[bold yellow]SIMULATED[/]: these prices are made up by the sandbox exchange ({reason}).\n"
            "For the real ones: BINANCE_SOURCE=live binance-assets run"
        )
    finished = _execute(home, "run_once")
    _report(home, source, finished, as_json)


@app.command(
    epilog="Examples: `binance-assets prices BTCUSDT ETHUSDT` · `binance-assets prices BTCUSDT --csv >> prices.csv`"
)
def prices(
    symbols: Annotated[list[str], typer.Argument(help="The exchange's names of the pairs, such as BTCUSDT.")],
    as_json: Json = False,
    as_csv: Annotated[
        bool, typer.Option("--csv", help="Print CSV: Symbol,Price,Retrieval_Timestamp. `import` reads it.")
    ] = False,
) -> None:
    """Ask the exchange for the prices of some pairs, now. Nothing is stored."""
    if as_json and as_csv:
        fail("--json and --csv exclude each other.", EXIT_USAGE)
    settings, home = home_of_settings()
    source, _ = _choose(settings, home)
    try:
        with open_client(settings, home, source) as client:
            response = client.prices_of(list(dict.fromkeys(symbol.upper() for symbol in symbols)))
    except ExchangeError as error:
        fail(str(error), EXIT_EXCHANGE)
    retrieved_at = f"{response.received_at.isoformat()}Z"
    rows = [(row["symbol"], row["price"], retrieved_at) for row in response.data]
    if as_json:
        _print_json(
            {
                "source": source,
                "simulated": source == "sandbox",
                "prices": [{"symbol": s, "price": p, "retrieved_at": at} for s, p, at in rows],
            }
        )
    elif as_csv:
        if source == "sandbox":
            errors.print(SIMULATED)
        sys.stdout.write("Symbol,Price,Retrieval_Timestamp\n" + "".join(",".join(row) + "\n" for row in rows))
    else:
        print_prices(out, rows, source)


@app.command(
    "import",
    epilog="Examples: `binance-assets import exchangeInfo.json.gz` · "
    "`binance-assets import prices.json --retrieved-at 2021-04-29T07:27:28Z` · `binance-assets import prices.csv`",
)
def import_(
    files: Annotated[list[Path], typer.Argument(help="Files to import.", metavar="FILE...")],
    retrieved_at: Annotated[
        str | None,
        typer.Option(help="When the ticker/price responses were received (ISO 8601; UTC if it names no offset)."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Import recorded responses, or tables of observations, into the home's real data.

    Responses of exchangeInfo or ticker/price are JSON, observations are CSV or Parquet with the columns
    Symbol, Price, Retrieval_Timestamp; JSON and CSV may be gzipped. Importing a file twice changes nothing.
    """
    _, home = home_of_settings()
    config = {
        "files": [str(file.resolve()) for file in files],
        "retrieved_at": _naive_utc(retrieved_at) if retrieved_at else None,
    }
    finished = _execute(home, "import_files", source="live", config={"landing__imported_file": {"config": config}})
    _report(home, "live", finished, as_json)


@app.command(epilog="Example: `binance-assets rebuild`")
def rebuild(
    source: Wanted = None,
    as_json: Json = False,
) -> None:
    """Throw the warehouse away and make the same one again from the landing files."""
    home, store = wanted_store(source)
    finished = _execute(home, "rebuild", source=store.source)
    _report(home, store.source, finished, as_json)


@app.command(epilog="Examples: `binance-assets status` · `binance-assets status --json`")
def status(
    source: Wanted = None,
    as_json: Json = False,
) -> None:
    """Say what is there: source, rows, freshness, gaps, check results, sizes, and where everything is."""
    home, store = wanted_store(source)
    try:
        found = status_of(home, store) | {"bytes": sizes_of(store)}
    except WarehouseError as error:
        fail(str(error), EXIT_FAILED)
    if as_json:
        _print_json(found)
    else:
        print_status(out, found)


app.command(
    epilog='Example: `binance-assets query "select symbol, price from fact_price_latest join dim_pair using (pair_key) '
    "where quote_code = 'USDT' and not is_stale order by price desc limit 10\"`"
)(query)


app.command(epilog="Examples: `binance-assets report` · `binance-assets report --day 2026-10-01 --to findings`")(report)


app.command(epilog="Example: `binance-assets powerbi --to powerbi`")(powerbi)


app.command(
    epilog="Examples: `binance-assets backfill --symbols BTCUSDT,ETHUSDT --from 2017-08-17` · "
    "`binance-assets backfill --quote USDT --from 2024-01-01`"
)(backfill)


app.command(epilog="Example: `binance-assets dashboard --open`")(dashboard)


app.command(epilog="Example: `binance-assets collect`")(collect)


app.command(epilog="Example: `binance-assets service --port 3001`")(service)


app.command(
    epilog="Examples: `binance-assets sandbox` · `binance-assets sandbox --port 8701 --fault 429:ticker/price:3`"
)(sandbox)


@app.command(epilog="Example: `binance-assets dev --port 3001`")
def dev(
    port: Annotated[int, typer.Option(help="Port of the UI, on this machine only.")] = 3000,
) -> None:
    """Open the Dagster UI with everything of this home in it. Ctrl-C ends it."""
    _, home = home_of_settings()
    with home.dagster_instance():
        pass  # makes Dagster's files before several processes would do so at once
    out.print(
        f"The UI will be on [bold]http://127.0.0.1:{port}[/]. What can run by itself is off here: switch it on under "
        "Automation,\nthe sensor [bold]keep_collecting[/] for the collector and the schedules for the rest; "
        "or run [cyan]binance-assets service[/] instead.",
        soft_wrap=True,
    )
    dagster = str(Path(sys.executable).with_name("dagster"))
    os.execv(dagster, [dagster, "dev", "-m", "binance_assets.definitions", "-p", str(port)])  # noqa: S606


def _choose(settings: Settings, home: Home) -> tuple[Source, str]:
    with errors.status("Asking the exchange whether it answers ..."):
        return choose_source(settings, home)


def _execute(home: Home, job: str, **arguments: Any) -> Finished:
    try:
        return execute(home, job, **arguments)
    except RunFailed as error:
        fail(str(error), EXIT_EXCHANGE if error.by_exchange else EXIT_FAILED)
    except RunInterrupted:
        fail("Stopped. What was landed so far is kept, and loaded by the next run.", EXIT_INTERRUPTED)


def _report(home: Home, source: Source, finished: Finished, as_json: bool) -> None:
    found = status_of(home, home.store(source)) | {"run_id": finished.run_id}
    if as_json:
        _print_json(found)
    else:
        print_summary(out, found)
    if any(check.severity == "ERROR" for check in finished.failed_checks):
        fail("The work is done, but a check found what should not be; see above.", EXIT_FAILED)


def _naive_utc(text: str) -> str:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        fail(f"--retrieved-at {text}: it should be an instant such as 2021-04-29T07:27:28Z.", EXIT_USAGE)
    if instant.tzinfo:
        instant = instant.astimezone(UTC).replace(tzinfo=None)
    return instant.isoformat()


def _print_json(document: dict[str, Any]) -> None:
    def plain(value: object) -> str:
        return f"{value.isoformat()}Z" if isinstance(value, datetime) else str(value)

    sys.stdout.write(json.dumps(document, indent=2, default=plain, ensure_ascii=False) + "\n")
