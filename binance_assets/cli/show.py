"""How results look in a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table

SIMULATED = "[bold black on yellow] SIMULATED [/] these prices are made up by the sandbox exchange"


def print_prices(console: Console, rows: Sequence[tuple[str, str, str]], source: str) -> None:
    """Prices of some pairs."""
    if source == "sandbox":
        console.print(SIMULATED)
    table = Table("Symbol")
    table.add_column("Price", justify="right")
    table.add_column("Retrieved at")
    for symbol, price, retrieved_at in rows:
        table.add_row(escape(symbol), price, retrieved_at)
    console.print(table)


def print_summary(console: Console, status: dict[str, Any]) -> None:
    """The end of a run: what came of it, and what to do next."""
    console.print(Panel(_title(status), expand=False))
    _print_figures(console, status)
    if status["highest_priced"]:
        console.print("\n[bold]Highest-priced pairs in USDT[/], halted ones left out")
        table = Table("Rank", "Symbol")
        table.add_column("Price", justify="right")
        for row in status["highest_priced"]:
            table.add_row(str(row["price_rank_in_quote"]), escape(row["symbol"]), f"{row['price']:,f}")
        console.print(table)
    minute = status["last_minute"]
    if minute:
        console.print(
            f"[bold]{minute['symbol']}[/] averaged [bold]{minute['average_price']:,.8g}[/] in the minute from "
            f"{minute['minute_utc']:%H:%M} UTC on {minute['minute_utc']:%Y-%m-%d} "
            f"({minute['observation_count']} of {minute['expected_count']} samples, "
            f"coverage {minute['coverage']:.0%})"
        )
    _print_places(console, status)
    console.print(
        "\n[bold]Next[/]  [cyan]binance-assets dashboard --open[/]  the pictures, in the browser\n"
        "      [cyan]binance-assets report[/]            the findings of the day, as a page\n"
        "      [cyan]binance-assets dev[/]               the Dagster UI: lineage and checks\n"
        "      [cyan]binance-assets status[/]            what is there, how fresh, and where\n"
        "      [cyan]binance-assets service[/]           all of it from now on, by itself"
    )


def print_status(console: Console, status: dict[str, Any]) -> None:
    """What there is."""
    console.print(Panel(_title(status), expand=False))
    if not status["rows"]:
        console.print("There is no data yet. [cyan]binance-assets run[/] gets some.")
        return
    _print_figures(console, status)
    newest = status["newest_observation_at"]
    if newest:
        age = timedelta(seconds=round(status["age_seconds"]))
        console.print(
            f"Newest prices {_instant(newest)}, {age} ago; newest metadata {_instant(status['newest_metadata_at'])}"
        )
    process = status["collector"]
    console.print(f"Process {process} collects." if process else "[yellow]No collector runs.[/]")
    _print_places(console, status)
    console.print(f"{'free':10} {status['free_bytes'] / 1e6:8.1f} MB  on the disk of {status['home']}", soft_wrap=True)


def _title(status: dict[str, Any]) -> str:
    if status["simulated"]:
        return f"binance_assets · {SIMULATED}"
    return "binance_assets · live data of Binance Spot and imports"


def _print_figures(console: Console, status: dict[str, Any]) -> None:
    console.print(
        f"[bold]{status['pairs']:,}[/] pairs, [bold]{status['trading_pairs']:,}[/] of them trading; "
        f"{status['stale_pairs']:,} latest prices are stale; "
        f"{status['symbols_without_metadata']:,} symbols are quoted without metadata; "
        f"{status['refused_rows']:,} rows were refused (raw.quarantine)"
    )
    console.print(
        f"[bold]{status['minutes']:,}[/] minutes averaged in the newest day; gaps: {status['gap_minutes']:,} minutes "
        f"({status['market_wide_gap_minutes']:,} of the whole market), {status['gap_rows']:,} rows with is_gap"
    )
    for gap in status["gaps"]:
        whose = "the whole market" if gap["is_whole_market"] else "pairs"
        lasting = f", {gap['lasting']:,} of them lasting" if gap["lasting"] else f" to {_instant(gap['to_utc'])}"
        console.print(f"  {gap['cause']}: {gap['gaps']:,} of {whose}, from {_instant(gap['from_utc'])}{lasting}")
    counts = status["gap_counts"]
    console.print(
        f"All gaps: {counts['lasting']:,} last, {counts['repaired']:,} were repaired from candles, "
        f"{counts['waiting']:,} wait for some, {counts['unresolved']:,} are unresolved"
    )
    table = Table("Table")
    table.add_column("Rows", justify="right")
    for name, rows in status["rows"].items():
        table.add_row(name, f"{rows:,}")
    console.print(table)
    checks = status["checks"]
    color = "red" if any(check["severity"] == "ERROR" for check in checks["failed"]) else "green"
    console.print(f"[{color}]{checks['passed']} checks passed, {len(checks['failed'])} failed[/]")
    for check in checks["failed"]:
        console.print(
            f"  {check['severity']} {check['asset']} · {check['check']}: {escape(check['description'] or '')}"
        )


def _print_places(console: Console, status: dict[str, Any]) -> None:
    sizes = status.get("bytes", {})
    for name in ("landing", "warehouse", "lake", "export"):
        size = f"{sizes[name] / 1e6:8.1f} MB  " if name in sizes else ""
        console.print(f"{name:10} {size}{status[name]}", soft_wrap=True, highlight=False)


def _instant(instant: datetime | None) -> str:
    return f"{instant:%Y-%m-%d %H:%M:%S} UTC" if instant else "never"
