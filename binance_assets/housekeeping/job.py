"""The daily job that keeps a home small, and says in time when it will not fit."""

from datetime import UTC, datetime, timedelta

import dagster as dg

from binance_assets.collector.minutes import REPORTED, REPORTED_HOURLY
from binance_assets.housekeeping.disk import days_left, free_bytes
from binance_assets.housekeeping.files import sweep
from binance_assets.housekeeping.records import prune_events, prune_runs, release_space
from binance_assets.resources import HomeResource

KEEP_EVENTS = timedelta(days=3)
"""How long Dagster remembers each minute. The newest of each asset stays in any case."""

KEEP_RUNS = timedelta(days=30)

SHORT_OF_SPACE = timedelta(days=14)
"""Room for less than this is an error."""


class ShortOfSpace(Exception):
    """The disk will be full soon."""


@dg.op(description="Prunes Dagster's records, removes what killed processes left, and looks at the free space.")
def tidy_up(context: dg.OpExecutionContext, home: HomeResource) -> None:
    """The job's only step.

    Raises:
        ShortOfSpace: The disk will be full within two weeks at the rate of the sealed days.
    """
    now = datetime.now(UTC).replace(tzinfo=None)
    reported = [dg.AssetKey(table.asset_path) for table in (*REPORTED, *REPORTED_HOURLY)]
    events = prune_events(context.instance, reported, now - KEEP_EVENTS)
    runs = prune_runs(context.instance, now - KEEP_RUNS)
    released = release_space(context.instance)
    stores = home.home.stores
    swept = sweep([folder for it in stores for folder in (it.landing.path, it.export, it.warehouse.lake)])
    context.log.info(
        f"{events} events and {runs} runs pruned, {released / 1e6:.1f} MB given back; "
        f"{swept.entries} left-over files removed, {swept.bytes / 1e6:.1f} MB"
    )
    free = free_bytes(home.home.path)
    with home.store.warehouse.connect() as connection:
        [(days, grown)] = connection.rows("housekeeping/growth.sql", lake=str(home.store.warehouse.lake))
    left = days_left(free, grown or 0, timedelta(days=days or 0))
    context.log.info(f"{free / 1e9:.1f} GB free" + ("" if left is None else f", enough for {left:.0f} days"))
    if left is not None and left < SHORT_OF_SPACE / timedelta(days=1):
        raise ShortOfSpace(
            f"{free / 1e9:.1f} GB are free on the disk of {home.home.path}; at {grown / days / 1e6:.0f} MB a day that "
            f"is enough for {left:.0f} days. Make room, or keep less: BINANCE_LANDING_DAYS."
        )


@dg.job(description="Keeps a home small, once a day.", executor_def=dg.in_process_executor)
def keep_house() -> None:
    """The daily tidying up. Its resource is that of the definitions."""
    tidy_up()
