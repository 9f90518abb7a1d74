"""Assets of the archive: its files as landed, a partition a month; and one load that fills all their tables."""

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime
from typing import TypeVar

import dagster as dg
from pydantic import Field
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt

from binance_assets.archive.choice import Choice, choose_pairs, followed_pairs
from binance_assets.archive.history import Brought, bring, days_that_are_over, per_month
from binance_assets.archive.load import ArchiveInUse, LoadedMonth, load_archive
from binance_assets.archive.missing_days import ask_for_days, unasked_days
from binance_assets.archive.onlooker import Onlooker
from binance_assets.archive.tables import LONG_KLINE, OF_MINUTES
from binance_assets.archive.zips import landed_zips, month_of
from binance_assets.assets import CANDLES, OWNERS, label, materialized, table_options
from binance_assets.clients import ExchangeError
from binance_assets.clients.archive import DAY
from binance_assets.clients.budget import SPARE_SHARE
from binance_assets.core.tables import PAIR
from binance_assets.home import Store
from binance_assets.landing.archive import Span
from binance_assets.raw.load import load
from binance_assets.resources import HomeResource
from binance_assets.warehouse import WarehouseInUse

MONTHS = dg.MonthlyPartitionsDefinition(start_date="2017-08", fmt="%Y-%m", end_offset=1)
"""From the archive's first month to the current one."""

Result = TypeVar("Result")

ATTEMPTS = 5
"""To load, while others hold the warehouse for longer than a step waits. Each goes on where the one before was."""


class ArchiveConfig(dg.Config):
    """Which pairs, chosen in one way, and which of the partitions' days."""

    symbols: list[str] = Field([], description="These pairs. By default those of BINANCE_WATCH_LIST.")
    quote: str | None = Field(None, description="Instead: all pairs that are priced in this currency.")
    all_pairs: bool = Field(False, description="Instead: all pairs of the exchange.")
    followed: bool = Field(
        False,
        description="Instead: the pairs that have a landed file of these months, and all that was replaced in the "
        "archive of these months.",
    )
    first: str | None = Field(None, description="First day (ISO 8601), if not that of the first partition.")
    last: str | None = Field(None, description="Last day, if not that of the last partition, or yesterday.")


with warnings.catch_warnings():
    warnings.simplefilter("ignore", dg.BetaWarning)  # a range of months as one run is beta; without it, each is a run
    _months_of_files = dg.asset(
        key=["landing", "archive"],
        group_name=CANDLES,
        kinds={"file"},
        owners=OWNERS,
        partitions_def=MONTHS,
        backfill_policy=dg.BackfillPolicy.single_run(),
        deps=[PAIR.asset_path],
    )


@_months_of_files
def archive(
    context: dg.AssetExecutionContext,
    config: ArchiveConfig,
    home: HomeResource,
    onlooker: dg.ResourceParam[Onlooker],
) -> dg.MaterializeResult:
    """Zips of one-minute candles from the exchange's archive, as received: of whole months, or of days.

    What is there is not downloaded again, and what the archive has replaced is. For the days that no file brings, the
    exchange's API (GET klines) is asked. The job `backfill` also loads all of it.
    """
    store = home.store
    window = context.partition_time_window
    days = days_that_are_over(
        date.fromisoformat(config.first) if config.first else window.start.date(),
        date.fromisoformat(config.last) if config.last else window.end.date() - DAY,
        datetime.now(UTC).replace(tzinfo=None),
    )
    found: dict[str, Brought] = {}
    candles = 0
    symbols = _symbols(config, home, store, window.start.date())
    if days and symbols:
        context.log.info(f"{days[0]} to {days[1]} of {len(symbols)} pairs")
        with home.archive() as client:
            outcome = bring(store, client, symbols, *days, onlooker, again=config.followed)
        onlooker.brought(outcome)
        for refused in outcome.refused:
            context.log.warning(f"{refused.file.name} is refused: {refused.error}")
        found = per_month(outcome)
        candles = _ask_for_days(context, home, outcome.missing, onlooker)
    for month in context.partition_keys:
        context.add_asset_metadata(asdict(found.get(month, Brought())), partition_key=month)
    return dg.MaterializeResult(
        metadata={"pairs": len(symbols), "candles_from_api": candles, "source": label(store.source)}
    )


def _ask_for_days(
    context: dg.AssetExecutionContext, home: HomeResource, days: Sequence[Span], onlooker: Onlooker
) -> int:
    """Land candles of the days that no file brings. Returns how many.

    That the API cannot be asked ends nothing: in some countries it is closed, and the archive is not.
    """
    spans = _patiently(unasked_days, home.store, days) if days else []
    if not spans:
        return 0
    try:
        with home.exchange(share=SPARE_SHARE) as client:
            brought = ask_for_days(home.store, client, spans, onlooker)
    except ExchangeError as error:
        context.log.warning(f"Days that no file brings are missing; the next run asks the API again: {error}")
        onlooker.not_asked(error.what)
        return 0
    for refused in brought.refused:
        context.log.warning(f"The API has no candles of a pair: {refused}")
    return brought.candles


def _symbols(config: ArchiveConfig, home: HomeResource, store: Store, since: date) -> list[str]:
    if config.followed:
        return followed_pairs(store.landing, since)
    choice = Choice(tuple(config.symbols), config.quote, config.all_pairs)
    with store.warehouse.connect() as connection:
        return choose_pairs(connection, choice, home.settings.watch_list)


@dg.multi_asset(
    name="load_archive",
    specs=[dg.AssetSpec(**table_options(table, CANDLES), deps=[PAIR.asset_path, archive.key]) for table in OF_MINUTES],
)
def load_landed_archive(
    context: dg.AssetExecutionContext, home: HomeResource, onlooker: dg.ResourceParam[Onlooker]
) -> Iterator[dg.MaterializeResult]:
    """Load every landed file of the archive that is not loaded yet.

    It takes no writer's place: years take hours, for most of which the warehouse is free. If another process does the
    same, that one does it.
    """
    store = home.store
    _patiently(_load_answers, store)
    try:
        with onlooker.loading(_months_due(store)) as on_month:

            def tell(month: LoadedMonth) -> None:
                context.log.info(
                    f"{month.month}: {month.files} files, {month.refused} of them refused, {month.defects} findings; "
                    f"it has {month.candles} candles"
                )
                on_month(month)

            _patiently(load_archive, store.warehouse, store.landing, tell)
    except ArchiveInUse as error:
        context.log.warning(str(error))
        onlooker.not_loaded(str(error))
    with store.warehouse.connect() as connection:
        for table in OF_MINUTES:
            yield materialized(connection, table)


@dg.asset(**table_options(LONG_KLINE, CANDLES), deps=[["landing", "long_kline"]])
def long_kline(context: dg.AssetExecutionContext, home: HomeResource) -> dg.MaterializeResult:
    """Load the exchange's own candles of hours and days that were landed.

    Like the load before it, it takes no writer's place, and leaves it to another process that does the same.
    """
    store = home.store
    _patiently(_load_answers, store)
    try:
        _patiently(load_archive, store.warehouse, store.landing)
    except ArchiveInUse as error:
        context.log.warning(str(error))
    with store.warehouse.connect() as connection:
        return materialized(connection, LONG_KLINE)


def _patiently(do: Callable[..., Result], *arguments: object) -> Result:
    retrying = Retrying(retry=retry_if_exception_type(WarehouseInUse), stop=stop_after_attempt(ATTEMPTS), reraise=True)
    return retrying(do, *arguments)


def _load_answers(store: Store) -> None:
    """Put what the API has answered where the load of the archive finds it."""
    with store.warehouse.connect() as connection:
        load(connection, store.landing)


def _months_due(store: Store) -> int:
    """Of how many months something is landed and not loaded."""
    with store.warehouse.connect() as connection:
        known = {file for file, state, _ in connection.rows("archive/known_files.sql") if state != "waiting"}
    return len({month_of(file) for file in landed_zips(store.landing) if file not in known})
