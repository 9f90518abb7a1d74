"""Assets of the landing layer: what is asked of the exchange and CoinMarketCap, or brought by a user, as received."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import dagster as dg
from filelock import FileLock
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from binance_assets.assets import CANDLES, OWNERS, label
from binance_assets.clients import ExchangeError
from binance_assets.clients.budget import SPARE_SHARE
from binance_assets.collector import running_process
from binance_assets.landing.coinmarketcap import Fetched, fetch_due, wanted_categories
from binance_assets.landing.imports import import_files
from binance_assets.landing.klines import CandleSpan, bring_candles, recent_spans, roll_up_spans
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


@dg.asset(
    key=["landing", "kline"],
    group_name="landing",
    kinds={"parquet", "file"},
    owners=OWNERS,
    deps=[["landing", "exchange_info"]],
)
def kline(context: dg.AssetExecutionContext, home: HomeResource) -> dg.MaterializeResult:
    """One-minute candles of the last hours (GET klines) of the watch list, as received: what is not there yet.

    Whatever goes wrong, the step succeeds, so that prices do not suffer.
    """
    now = datetime.now(UTC).replace(tzinfo=None)
    with home.store.warehouse.connect() as connection:
        spans = recent_spans(connection, home.settings.watch_list, now)
    return _land_candles(context, home, "The last hours' candles", spans)


@dg.asset(
    key=["landing", "long_kline"],
    group_name=CANDLES,
    kinds={"parquet", "file"},
    owners=OWNERS,
    deps=[["raw", "kline"]],
)
def long_kline(context: dg.AssetExecutionContext, home: HomeResource) -> dg.MaterializeResult:
    """The exchange's own candles of hours and days (GET klines), as received, to compare the minutes with.

    Of the pairs of BINANCE_REPAIR, and of the hours and days all minutes of which are there: what was not asked for
    yet, the newest first, so many requests in a run. Whatever goes wrong, the step succeeds: prices do not suffer.
    """
    with home.store.warehouse.connect() as connection:
        spans = roll_up_spans(connection, home.settings.repaired_symbols)
    return _land_candles(context, home, "Candles of hours and days", spans)


def _land_candles(
    context: dg.AssetExecutionContext, home: HomeResource, what: str, spans: Sequence[CandleSpan]
) -> dg.MaterializeResult:
    """Ask for candles and land them. What does not come is warned of, and asked for again by the next run."""
    store = home.store
    told: dict[str, Any] = {"requests": len(spans), "source": label(store.source)}
    try:
        with home.exchange(share=SPARE_SHARE) as client:
            brought = bring_candles(client, store.landing, store.source, spans)
    except ExchangeError as error:
        context.log.warning(f"{what} are missing: {error}")
        return dg.MaterializeResult(metadata={**told, "not_answered": str(error)})
    for refused in brought.refused:
        context.log.warning(f"{what} are missing of a pair: {refused}")
    return dg.MaterializeResult(metadata={**told, "candles": brought.candles, "refused": len(brought.refused)})


ANSWERED = dg.AssetCheckSpec(
    "answered",
    asset=["landing", "coinmarketcap"],
    description="CoinMarketCap answered all that was due. An error if somebody has to do something about it.",
)


@dg.asset(
    key=["landing", "coinmarketcap"],
    group_name="landing",
    kinds={"parquet", "file"},
    owners=OWNERS,
    check_specs=[ANSWERED],
)
def coinmarketcap(context: dg.AssetExecutionContext, home: HomeResource) -> dg.MaterializeResult:
    """CoinMarketCap's coins, prices and categories, as received: what is due of it, if there is a key.

    Whatever goes wrong, the step succeeds, so that prices do not suffer; the check says what it was.
    """
    store = home.store
    key = home.settings.coinmarketcap_api_key
    if key is None:
        told = {"asked": "no: no COINMARKETCAP_API_KEY, curated categories only", "source": label(store.source)}
        check = dg.AssetCheckResult(passed=True, check_name=ANSWERED.name, metadata={"source": label(store.source)})
        return dg.MaterializeResult(metadata=told, check_results=[check])
    store.path.mkdir(parents=True, exist_ok=True)
    with FileLock(store.path / "coinmarketcap.lock"):  # two runs at once would ask for the same twice
        fetched = fetch_due(
            partial(home.coinmarketcap, key),
            store.landing,
            store.source,
            wanted_categories(),
            datetime.now(UTC).replace(tzinfo=None),
        )
    for error in fetched.errors:
        context.log.warning(str(error))
    return dg.MaterializeResult(
        metadata={
            "landed": len(fetched.landed),
            "unchanged": len(fetched.unchanged),
            "not_answered": len(fetched.errors),
            "credits_left": fetched.credits_left,
            "source": label(store.source),
        },
        check_results=[_answered(fetched, store.source)],
    )


def _answered(fetched: Fetched, source: str) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        passed=not fetched.trouble,
        check_name=ANSWERED.name,
        severity=dg.AssetCheckSeverity.ERROR if fetched.needs_somebody else dg.AssetCheckSeverity.WARN,
        description=fetched.trouble or None,
        metadata={"source": label(source)},
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
