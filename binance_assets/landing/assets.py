"""Assets of the landing layer: what is asked of the exchange, or brought by a user, and put on disk as received."""

from datetime import datetime
from pathlib import Path

import dagster as dg
from filelock import FileLock
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from binance_assets.assets import OWNERS, label
from binance_assets.collector import running_process
from binance_assets.landing.imports import import_files
from binance_assets.landing.sampling import capture_of, sample
from binance_assets.resources import HomeResource


class ImportConfig(dg.Config):
    """Files to import, and when the ticker/price responses among them were received (ISO 8601, naive UTC)."""

    files: list[str]
    retrieved_at: str | None = None


@dg.asset(key=["landing", "exchange_info"], group_name="landing", kinds={"parquet", "file"}, owners=OWNERS)
def exchange_info(home: HomeResource) -> dg.MaterializeResult:
    """The exchange's description of every symbol (GET exchangeInfo), as received."""
    store = home.store
    with home.exchange() as client:
        response = client.exchange_info()
    file = store.landing.land(capture_of(response, store.source))
    return dg.MaterializeResult(
        metadata={
            "symbols": len(response.data["symbols"]),
            "answered_by": response.base_url,
            "used_weight": response.used_weight,
            "file": dg.MetadataValue.path(store.landing.absolute(file)),
            "source": label(store.source),
        }
    )


@dg.asset(key=["landing", "ticker_price"], group_name="landing", kinds={"parquet", "file"}, owners=OWNERS)
def ticker_price(context: dg.AssetExecutionContext, home: HomeResource) -> dg.MaterializeResult:
    """The whole market's prices (GET ticker/price), sampled for a minute or a little more, as received."""
    store = home.store
    store.path.mkdir(parents=True, exist_ok=True)
    if process := running_process(store):
        context.log.info(f"Process {process} samples the market already; what it has landed is loaded.")
        return dg.MaterializeResult(metadata={"sampled_by_process": process, "source": label(store.source)})
    interval = home.settings.sampling_interval_seconds
    console = Console(stderr=True)
    with (
        FileLock(store.path / "sampling.lock"),  # two runs at once would observe the same minute twice
        home.exchange() as client,
        Progress(
            TextColumn("Sampling the market every {task.fields[interval]} s"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        ) as progress,
    ):
        task = progress.add_task("", total=None, interval=interval)
        sampled = sample(
            client,
            store.landing,
            store.source,
            interval,
            on_sample=lambda done, total: progress.update(task, completed=done, total=total),
        )
    for error in sampled.missed:
        context.log.warning(f"A sample is missing: {error}")
    return dg.MaterializeResult(
        metadata={"samples": sampled.landed, "missed": len(sampled.missed), "source": label(store.source)}
    )


@dg.asset(key=["landing", "imported_file"], group_name="landing", kinds={"file"}, owners=OWNERS)
def imported_file(config: ImportConfig, home: HomeResource) -> dg.MaterializeResult:
    """Files that a user brought: recorded responses, or tables of Symbol, Price, Retrieval_Timestamp."""
    retrieved_at = datetime.fromisoformat(config.retrieved_at) if config.retrieved_at else None
    landed = import_files(home.store.landing, [Path(file) for file in config.files], retrieved_at)
    return dg.MaterializeResult(
        metadata={
            "landed": sum(1 for file in landed if file),
            "known": sum(1 for file in landed if not file),
            "source": label(home.store.source),
        }
    )
