"""What commands share: the two consoles, exit codes, options, and the home and the store that are meant."""

from __future__ import annotations

from typing import Annotated, NoReturn

import typer
from rich.console import Console

from binance_assets.home import Home, Store
from binance_assets.settings import Settings, SettingsError, Source, load_settings

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_EXCHANGE = 3
EXIT_INTERRUPTED = 130
"""Exit codes: 1, the work failed; 2, the call or a setting makes no sense; 3, the exchange gave no usable answer;
130, stopped by Ctrl-C."""

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document, for programs.")]
Wanted = Annotated[str | None, typer.Option("--source", help="live or sandbox; default: what this home uses.")]

out = Console()
errors = Console(stderr=True)


def fail(message: str, code: int) -> NoReturn:
    """End the command with a sentence on standard error."""
    errors.print(message, style="red", markup=False, highlight=False, soft_wrap=True)
    raise typer.Exit(code)


def home_of_settings() -> tuple[Settings, Home]:
    """The settings and the home that they name. Ends the command if a setting makes no sense."""
    try:
        settings = load_settings()
    except SettingsError as error:
        fail(str(error), EXIT_USAGE)
    return settings, Home.of(settings)


def wanted_store(wanted: str | None) -> tuple[Home, Store]:
    """The home, and the store of ``--source`` or the one that the home uses. Ends the command if that is none."""
    if wanted not in (None, "live", "sandbox"):
        fail(f"--source {wanted}: it should be live or sandbox.", EXIT_USAGE)
    settings, home = home_of_settings()
    source: Source = wanted or home.known_source(settings) or "live"  # type: ignore[assignment]  # checked above
    return home, home.store(source)
