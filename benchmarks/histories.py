"""Warehouses with a day, a month and a year of sealed days, and the open hours after them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

from benchmarks.contenders import CARRY_LIMIT_SECONDS
from benchmarks.market import INTERVAL, START, describe, observe
from binance_assets import lake
from binance_assets.landing import Landing
from binance_assets.mart.models import close_minutes, roll_up_days, roll_up_hours
from binance_assets.warehouse import Connection, Warehouse

DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
SEALED = START.date()
SOURCE, WAREHOUSE = "sandbox", "warehouse.duckdb"

_READ_TO = """
    insert or replace into meta.progress
    select model, $file, $at from (values ('raw'), ('core.price_history')) as progress (model)
"""
_LINKED = """
    insert into meta.sealed_partition by name
    select * replace ($day as date) from meta.sealed_partition where date = $like
"""
_LINKED_DAYS = """
    insert into mart.fact_price_day by name
    select * replace ($day as date_utc, date_key($day) as date_key) from mart.fact_price_day where date_utc = $like
"""
_OPEN_HOUR = (
    """
    insert into open.capture by name
    select * replace (
        md5((received_at + $later)::varchar) as capture_id,
        received_at + $later as received_at,
        strftime(received_at + $later, '%Y-%m-%d/%H%M%S.%f_') as file
    )
    from read_parquet($capture, hive_partitioning = false)
    where received_at >= $since and received_at < $since + interval 1 hour
    """,
    """
    insert into open.price_history by name
    select * replace (observed_at + $later as observed_at)
    from read_parquet($price_history, hive_partitioning = false)
    where observed_at >= $since and observed_at < $since + interval 1 hour
    order by observed_at, pair_id
    """,
    """
    insert into raw.ticker_price by name
    select md5((observed_at + $later)::varchar) as capture_id, symbol, price::varchar as price,
        observed_at + $later as retrieved_at
    from read_parquet($price_history, hive_partitioning = false) inner join core.pair using (pair_id)
    where observed_at >= $since and observed_at < $since + interval 1 hour
    order by observed_at, symbol
    """,
    """
    insert into open.fact_price_minute by name
    select * replace (minute_utc + $later as minute_utc, last_observed_at + $later as last_observed_at)
    from read_parquet($fact_price_minute, hive_partitioning = false)
    where minute_utc >= $since and minute_utc < $since + interval 1 hour
    order by minute_utc, pair_key
    """,
    """
    insert into open.fact_price_hour by name
    select * replace (hour_utc + $later as hour_utc, date_key(hour_utc + $later) as date_key)
    from read_parquet($fact_price_hour, hive_partitioning = false)
    where hour_utc = $since
    """,
)


def partition(folder: Path, table: str = "price_history", day: date = SEALED) -> Path:
    """A sealed day of a table."""
    return folder / "lake" / table / f"date={day}" / "data.parquet"


def make_sealed_day(folder: Path) -> None:
    """Observe a day every ten seconds, average it, roll it up, and seal it."""
    warehouse, landing = Warehouse(folder / WAREHOUSE, SOURCE), Landing(folder / "landing")
    with warehouse.connect() as connection:
        describe(connection, landing, SOURCE)
        observe(connection, SOURCE, START, DAY // INTERVAL)
        _read_to(connection, landing)
        _average(connection)
    lake.seal(warehouse, SEALED)


def copy(folder: Path, to: Path) -> None:
    """A history of its own, which shares the sealed days with the first one."""
    shutil.copytree(folder / "landing", to / "landing")
    shutil.copytree(folder / "lake", to / "lake", copy_function=os.link)
    shutil.copy(folder / WAREHOUSE, to / WAREHOUSE)


def seal_hours_of_days(folder: Path, days: int) -> None:
    """Let days go before, each with an hour that is observed every minute, and seal them one after the other."""
    warehouse = Warehouse(folder / WAREHOUSE, SOURCE)
    for number in range(1, days + 1):
        with warehouse.connect() as connection:
            observe(connection, SOURCE, START - number * DAY, HOUR // MINUTE, MINUTE)
            _average(connection)
        lake.seal(warehouse, SEALED - number * DAY)


def link_days(folder: Path, days: Sequence[date]) -> None:
    """Let more days go before, whose partitions are the whole day's under other names."""
    with Warehouse(folder / WAREHOUSE, SOURCE).transaction() as connection:
        tables = connection.rows('select "table" from meta.sealed_partition where date = $like', like=SEALED)
        for day in days:
            for (table,) in tables:
                place = partition(folder, table, day)
                place.parent.mkdir()
                place.hardlink_to(partition(folder, table))
            connection.rows(_LINKED, day=day, like=SEALED)
            connection.rows(_LINKED_DAYS, day=day, like=SEALED)
        lake.show_sealed_days(connection)


def open_hours(folder: Path, hours: int) -> None:
    """Let so many hours follow that are open, as the collector would leave them; the sealed day's, again."""
    names = ("capture", "price_history", "fact_price_minute", "fact_price_hour")
    paths = {name: str(partition(folder, name)) for name in names}
    landing = Landing(folder / "landing")
    with Warehouse(folder / WAREHOUSE, SOURCE).connect() as connection:
        for number in range(hours):
            since = START + number % 24 * HOUR
            given: dict[str, object] = {"since": since, "later": (number // 24 + 1) * DAY} | paths
            with connection.transaction():
                for statement in _OPEN_HOUR:
                    connection.rows(statement, **{name: given[name] for name in given if f"${name}" in statement})
        _read_to(connection, landing)
        last = connection.newest("open.capture", "received_at")
    for number in range(24 * 60):  # the names alone cost something when new files are looked for
        at = last - number * MINUTE
        file = landing.path / f"{at:%Y-%m-%d/%H%M%S.%f}_.parquet"
        file.parent.mkdir(exist_ok=True)
        file.touch()


def _average(connection: Connection) -> None:
    close_minutes(connection, CARRY_LIMIT_SECONDS)
    roll_up_hours(connection)
    roll_up_days(connection)


def _read_to(connection: Connection, landing: Landing) -> None:
    """Say of what was put into the open tables that it is all that was landed up to now."""
    at = connection.newest("open.capture", "received_at") + INTERVAL
    connection.rows(_READ_TO, file=f"{at:%Y-%m-%d/%H%M%S.%f}_", at=at)
    landing.path.joinpath(".newest").write_text(at.isoformat(), encoding="utf-8")
