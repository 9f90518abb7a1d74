"""Makes the warehouse again: from the landing files, and for days whose files were dropped, from the lake."""

from __future__ import annotations

from binance_assets.catalog import SEALED
from binance_assets.lake import finish_commits, show_sealed_days
from binance_assets.landing import Landing
from binance_assets.raw.load import load
from binance_assets.warehouse import Connection, Warehouse


def rebuild(warehouse: Warehouse, landing: Landing) -> None:
    """Load all landing files into a new warehouse, which takes the place of the old one when it has them all.

    Of a sealed day of which a landing file is gone the observations stay as they are in the lake, and its minutes are
    averaged anew from them; every other day is made anew from landing.

    Raises:
        DamagedLandingFile: A file's content does not match its hash; the old warehouse is still there.
    """
    fresh = Warehouse(warehouse.path.with_name("rebuilding.duckdb"), warehouse.source)
    fresh.delete()
    finish_commits(warehouse.lake)
    with fresh.connect() as connection:
        _take_over_dropped_days(connection, fresh, landing)
        load(connection, landing)
    warehouse.replace_by(fresh)


def _take_over_dropped_days(connection: Connection, warehouse: Warehouse, landing: Landing) -> None:
    captured = connection.rows(
        "raw/captured_files.sql",
        captures=str(warehouse.lake / "capture" / "*" / "*.parquet"),
        missed_samples=str(warehouse.lake / "missed_sample" / "*" / "*.parquet"),
    )
    dropped = {day for day, file in captured if not (landing.path / file).exists()}
    with connection.transaction():
        for table in SEALED:
            for partition in (warehouse.lake / table.bare_name).glob("date=*/data.parquet"):
                day = partition.parent.name.removeprefix("date=")
                if day in dropped:
                    connection.run("raw/taken_over.sql", table=table.bare_name, date=day, path=str(partition))
        show_sealed_days(connection)
        connection.run("raw/latest_taken_over.sql")
        connection.run("raw/days_taken_over.sql")
