"""Assets of the mart layer: small dimensions as frames through the I/O manager, facts as SQL."""

from datetime import UTC, datetime

import dagster as dg
import pandas as pd

from binance_assets.assets import WRITER_POOL, materialized, table_options
from binance_assets.mart import models, quality, tables
from binance_assets.mart.shown import last_day
from binance_assets.repair import explain_gaps
from binance_assets.resources import HomeResource

_IO_MANAGER = "warehouse_io_manager"


@dg.asset(
    **table_options(tables.DIM_CURRENCY),
    deps=[["core", "currency"], ["core", "currency_coinmarketcap"], ["core", "currency_category"]],
    io_manager_key=_IO_MANAGER,
    pool=WRITER_POOL,
)
def dim_currency(home: HomeResource) -> pd.DataFrame:
    """Currencies as the star shows them."""
    with home.store.warehouse.connect() as connection:
        return connection.frame("mart/dim_currency.sql")


@dg.asset(
    **table_options(tables.DIM_CATEGORY), deps=[["core", "category"]], io_manager_key=_IO_MANAGER, pool=WRITER_POOL
)
def dim_category(home: HomeResource) -> pd.DataFrame:
    """Categories as the star shows them."""
    with home.store.warehouse.connect() as connection:
        return connection.frame("mart/dim_category.sql")


@dg.asset(
    **table_options(tables.BRIDGE_CURRENCY_CATEGORY),
    deps=[["core", "currency_category"], ["mart", "dim_currency"], ["mart", "dim_category"]],
    io_manager_key=_IO_MANAGER,
    pool=WRITER_POOL,
)
def bridge_currency_category(home: HomeResource) -> pd.DataFrame:
    """Which categories each currency was in, and when."""
    with home.store.warehouse.connect() as connection:
        return connection.frame("mart/bridge_currency_category.sql")


@dg.asset(
    **table_options(tables.DIM_PAIR),
    deps=[["core", "pair"], ["core", "pair_history"], ["mart", "dim_currency"]],
    io_manager_key=_IO_MANAGER,
    pool=WRITER_POOL,
)
def dim_pair(home: HomeResource) -> pd.DataFrame:
    """Pairs with their currencies and newest rules."""
    with home.store.warehouse.connect() as connection:
        return connection.frame("mart/dim_pair.sql")


@dg.asset(
    **table_options(tables.DIM_PAIR_HISTORY),
    deps=[["core", "pair"], ["core", "pair_history"], ["mart", "dim_pair"]],
    io_manager_key=_IO_MANAGER,
    pool=WRITER_POOL,
)
def dim_pair_history(home: HomeResource) -> pd.DataFrame:
    """Pairs with their rules over time."""
    with home.store.warehouse.connect() as connection:
        return connection.frame("mart/dim_pair_history.sql")


@dg.asset(
    **table_options(tables.DIM_DATE), deps=[["core", "price_history"]], io_manager_key=_IO_MANAGER, pool=WRITER_POOL
)
def dim_date(home: HomeResource) -> pd.DataFrame:
    """The calendar up to the end of the newest data's year."""
    with home.store.warehouse.connect() as connection:
        return connection.frame("mart/dim_date.sql")


@dg.asset(
    **table_options(tables.DIM_TIME), deps=[["core", "price_history"]], io_manager_key=_IO_MANAGER, pool=WRITER_POOL
)
def dim_time(home: HomeResource) -> pd.DataFrame:
    """The minutes of a day."""
    with home.store.warehouse.connect() as connection:
        return connection.frame("mart/dim_time.sql")


@dg.asset(
    **table_options(tables.FACT_PRICE),
    deps=[["core", "price_history"], ["core", "pair_history"], ["mart", "dim_pair"], ["mart", "dim_date"]],
)
def fact_price() -> None:
    """A view: nothing is copied. It shows new prices as soon as core.price_history has them."""


@dg.asset(
    **table_options(tables.FACT_PRICE_MINUTE),
    deps=[
        ["core", "price_history"],
        ["raw", "kline"],
        ["mart", "dim_pair"],
        ["mart", "dim_date"],
        ["mart", "dim_time"],
    ],
    pool=WRITER_POOL,
)
def fact_price_minute(home: HomeResource) -> dg.MaterializeResult:
    """Average the minutes that are over."""
    carry_limit_seconds = home.settings.carry_limit_seconds
    models.average_taken_over_days(home.store.warehouse, carry_limit_seconds)
    with home.store.warehouse.connect() as connection:
        closed = models.close_minutes(connection, carry_limit_seconds)
        return materialized(connection, tables.FACT_PRICE_MINUTE, minutes_closed=closed)


@dg.asset(
    **table_options(tables.FACT_PRICE_HOUR),
    deps=[["mart", "fact_price_minute"], ["raw", "kline_hour"], ["mart", "dim_pair"], ["mart", "dim_time"]],
    pool=WRITER_POOL,
)
def fact_price_hour(home: HomeResource) -> dg.MaterializeResult:
    """Roll up the hours that are over."""
    with home.store.warehouse.connect() as connection:
        made = models.roll_up_hours(connection)
        return materialized(connection, tables.FACT_PRICE_HOUR, hours_made=made)


@dg.asset(
    **table_options(tables.FACT_PRICE_DAY),
    deps=[["mart", "fact_price_hour"], ["raw", "kline_hour"]],
    pool=WRITER_POOL,
)
def fact_price_day(home: HomeResource) -> dg.MaterializeResult:
    """Roll up the days that are over."""
    with home.store.warehouse.connect() as connection:
        made = models.roll_up_days(connection)
        return materialized(connection, tables.FACT_PRICE_DAY, days_made=made)


@dg.asset(
    **table_options(tables.FACT_PARITY_HOUR),
    deps=[["mart", "fact_price_hour"], ["mart", "dim_pair"], ["mart", "dim_time"]],
    pool=WRITER_POOL,
)
def fact_parity_hour(home: HomeResource) -> dg.MaterializeResult:
    """Compare what should agree; it is done with the roll-up of each hour."""
    with home.store.warehouse.connect() as connection:
        models.roll_up_hours(connection)
        pegs = connection.records("mart/newest_pegs.sql")
        return materialized(
            connection,
            tables.FACT_PARITY_HOUR,
            newest_pegs=dg.MetadataValue.table(
                [
                    dg.TableRecord({name: "" if value is None else str(value) for name, value in peg.items()})
                    for peg in pegs
                ]
            )
            if pegs
            else "none",
        )


@dg.asset(
    **table_options(tables.FACT_SECTOR_HOUR),
    deps=[
        ["core", "category"],
        ["core", "currency_category"],
        ["core", "pair_history"],
        ["mart", "fact_price_hour"],
    ],
    pool=WRITER_POOL,
)
def fact_sector_hour(home: HomeResource) -> dg.MaterializeResult:
    """Measure the sectors."""
    with home.store.warehouse.connect() as connection:
        measured = models.measure_sectors(connection)
        newest = connection.records("mart/sector_newest.sql")
        return materialized(
            connection,
            tables.FACT_SECTOR_HOUR,
            hours_measured=measured,
            newest_hour=dg.MetadataValue.table(
                [dg.TableRecord({name: str(value) for name, value in row.items()}) for row in newest]
            )
            if newest
            else "none",
        )


@dg.asset(
    **table_options(tables.GAP),
    deps=[
        ["raw", "capture"],
        ["raw", "missed_sample"],
        ["raw", "quarantine"],
        ["core", "price_history"],
        ["core", "pair_history"],
        ["mart", "dim_pair"],
        ["raw", "kline"],
        ["raw", "rest_kline"],
    ],
    pool=WRITER_POOL,
)
def gap(home: HomeResource) -> dg.MaterializeResult:
    """Find the gaps in what was sampled, and their causes; and see what the candles that there are say of them."""
    with home.store.warehouse.connect() as connection:
        changed = models.update_gaps(connection)
        waiting = explain_gaps(connection, home.settings.repaired_symbols, datetime.now(UTC).replace(tzinfo=None))
        return materialized(connection, tables.GAP, rows_changed=changed, waiting_for_candles=len(waiting.all))


@dg.asset(
    **table_options(tables.FACT_QUALITY_DAY),
    deps=[
        ["raw", "archive_defect"],
        ["raw", "kline"],
        ["raw", "long_kline"],
        ["mart", "fact_price_minute"],
        ["mart", "fact_price_day"],
        ["mart", "gap"],
        ["mart", "dim_pair"],
        ["mart", "dim_date"],
    ],
    pool=WRITER_POOL,
)
def fact_quality_day(home: HomeResource) -> dg.MaterializeResult:
    """Measure how good the data of the days is that are over."""
    with home.store.warehouse.connect() as connection:
        measured = quality.measure_quality(connection)
        days = quality.newest_days(connection)
        return materialized(
            connection,
            tables.FACT_QUALITY_DAY,
            pairs_and_days_measured=measured,
            chart=dg.MetadataValue.md(quality.chart(days)) if days else "none",
            newest_days=dg.MetadataValue.table(
                [dg.TableRecord({name: str(value) for name, value in day.items()}) for day in reversed(days)]
            )
            if days
            else "none",
        )


@dg.asset(
    **table_options(tables.FACT_PRICE_LATEST),
    deps=[["mart", "fact_price"], ["mart", "fact_price_minute"], ["mart", "dim_pair"]],
    pool=WRITER_POOL,
)
def fact_price_latest(home: HomeResource) -> dg.MaterializeResult:
    """The newest price of every pair."""
    store = home.store
    with store.warehouse.connect() as connection:
        models.load_latest_prices(connection)
        top = connection.records("mart/highest_priced.sql", quote="USDT", top=10)
        return materialized(
            connection,
            tables.FACT_PRICE_LATEST,
            highest_priced_in_usdt=dg.MetadataValue.table(
                [dg.TableRecord({name: str(row[name]) for name in ("symbol", "price", "observed_at")}) for row in top]
            )
            if top
            else "none",
            last_day=dg.MetadataValue.md(last_day(connection)),
            export=dg.MetadataValue.path(str(store.export)),
        )
