"""Assets of the archive: its files as landed, a partition a month; and one load that fills all their tables."""

import warnings
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, date, datetime

import dagster as dg
from pydantic import Field
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt

from binance_assets.archive.choice import Choice, choose_pairs, followed_pairs
from binance_assets.archive.history import Brought, bring, days_that_are_over, per_month
from binance_assets.archive.load import ArchiveInUse, LoadedMonth, load_archive
from binance_assets.archive.onlooker import Onlooker
from binance_assets.archive.tables import TABLES
from binance_assets.archive.zips import landed_zips, month_of
from binance_assets.assets import OWNERS, label, materialized, table_options
from binance_assets.clients.archive import DAY
from binance_assets.core.tables import PAIR
from binance_assets.home import Store
from binance_assets.resources import HomeResource
from binance_assets.warehouse import WarehouseInUse

MONTHS = dg.MonthlyPartitionsDefinition(start_date="2017-08", fmt="%Y-%m", end_offset=1)
"""From the archive's first month to the current one."""

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
        group_name="landing",
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

    What is there is not downloaded again, and what the archive has replaced is. The job `backfill` also loads them.
    """
    store = home.store
    window = context.partition_time_window
    days = days_that_are_over(
        date.fromisoformat(config.first) if config.first else window.start.date(),
        date.fromisoformat(config.last) if config.last else window.end.date() - DAY,
        datetime.now(UTC).replace(tzinfo=None),
    )
    found: dict[str, Brought] = {}
    symbols = _symbols(config, home, store, window.start.date())
    if days and symbols:
        context.log.info(f"{days[0]} to {days[1]} of {len(symbols)} pairs")
        with home.archive() as client:
            outcome = bring(store, client, symbols, *days, onlooker, again=config.followed)
        onlooker.brought(outcome)
        for refused in outcome.refused:
            context.log.warning(f"{refused.file.name} is refused: {refused.error}")
        found = per_month(outcome)
    for month in context.partition_keys:
        context.add_asset_metadata(asdict(found.get(month, Brought())), partition_key=month)
    return dg.MaterializeResult(metadata={"pairs": len(symbols), "source": label(store.source)})


def _symbols(config: ArchiveConfig, home: HomeResource, store: Store, since: date) -> list[str]:
    if config.followed:
        return followed_pairs(store.landing, since)
    choice = Choice(tuple(config.symbols), config.quote, config.all_pairs)
    with store.warehouse.connect() as connection:
        return choose_pairs(connection, choice, home.settings.watch_list)


@dg.multi_asset(
    name="load_archive",
    specs=[dg.AssetSpec(**table_options(table), deps=[PAIR.asset_path, archive.key]) for table in TABLES],
)
def load_landed_archive(
    context: dg.AssetExecutionContext, home: HomeResource, onlooker: dg.ResourceParam[Onlooker]
) -> Iterator[dg.MaterializeResult]:
    """Load every landed file of the archive that is not loaded yet.

    It takes no writer's place: years take hours, for most of which the warehouse is free. If another process does the
    same, that one does it.
    """
    store = home.store
    patiently = Retrying(retry=retry_if_exception_type(WarehouseInUse), stop=stop_after_attempt(ATTEMPTS), reraise=True)
    try:
        with onlooker.loading(_months_due(store)) as on_month:

            def tell(month: LoadedMonth) -> None:
                context.log.info(
                    f"{month.month}: {month.files} files, {month.refused} of them refused, {month.defects} findings; "
                    f"it has {month.candles} candles"
                )
                on_month(month)

            patiently(load_archive, store.warehouse, store.landing, tell)
    except ArchiveInUse as error:
        context.log.warning(str(error))
        onlooker.not_loaded(str(error))
    with store.warehouse.connect() as connection:
        for table in TABLES:
            yield materialized(connection, table)


def _months_due(store: Store) -> int:
    """Of how many months something is landed and not loaded."""
    with store.warehouse.connect() as connection:
        known = {file for file, state, _ in connection.rows("archive/known_files.sql") if state != "waiting"}
    return len({month_of(file) for file in landed_zips(store.landing) if file not in known})
