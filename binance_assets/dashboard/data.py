"""What the page shows: one version of the export, and what the newest hours of the warehouse add to it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import duckdb

from binance_assets.export.publish import read_manifest
from binance_assets.export.versions import current
from binance_assets.home import Store
from binance_assets.mart.tables import FACT_PRICE_LATEST
from binance_assets.sql import sql

_NEWEST = ("newest_hours", "newest_parities")
"""What is read from the warehouse: the export writes tables that have become large once a day only."""

_ABOUT = ("source", "simulated", "published_at", "data_until", "watch_list")


class NothingToShow(Exception):
    """There is no export that the page could be made of; the message says what to do."""


def page_data(store: Store) -> dict[str, Any]:
    """The data of the page, ready for JSON: ``about``, ``figures``, and for each picture rows or columns.

    Raises:
        NothingToShow: Nothing has been exported yet.
        WarehouseError: The warehouse cannot be opened.
    """
    version = current(store.export)
    if version is None:
        raise NothingToShow(f"There is no export in {store.export} yet. `binance-assets run` makes one.")
    with TemporaryDirectory() as folder:
        manifest = read_manifest(version)
        _take_out_newest(store, Path(folder), _newest_price_at(version))
        return _read(version, Path(folder), manifest)


def _newest_price_at(version: Path) -> datetime | None:
    """Up to when prices were observed; candles may go further."""
    with duckdb.connect() as duck:
        latest = duck.read_parquet(str(version / f"{FACT_PRICE_LATEST.bare_name}.parquet"))
        [(newest,)] = latest.max("observed_at").fetchall()
    return cast("datetime | None", newest)


def _take_out_newest(store: Store, folder: Path, newest_price_at: datetime | None) -> None:
    """Put the newest hours into files, so that nobody waits for the warehouse while the rest is made."""
    given = {"source": store.source, "newest_price_at": newest_price_at}
    with store.warehouse.connect() as connection:
        for name in _NEWEST:
            rows = connection.duck.sql(sql(f"dashboard/embedded/{name}.sql"), params=given)
            rows.write_parquet(str(folder / f"{name}.parquet"))


def _read(version: Path, newest_hours: Path, manifest: Mapping[str, Any]) -> dict[str, Any]:
    about = {name: manifest[name] for name in _ABOUT}
    newest = {file["table"]: file["window"]["last"] for file in manifest["files"] if file.get("window")}
    with duckdb.connect() as duck:
        duck.execute("set TimeZone = 'UTC'")
        for file in [*version.glob("*.parquet"), *newest_hours.glob("*.parquet")]:
            duck.read_parquet(str(file)).create_view(file.stem)
        duck.execute(sql("dashboard/embedded/pair.sql"))
        until, minute = {"data_until": about["data_until"]}, {"newest_minute": newest["fact_price_minute"]}
        minutes = _rows(duck, "minutes", **minute, watch_list=manifest["watch_list"])
        return {
            "about": about,
            "figures": _rows(duck, "figures")[0],
            "pairs": _columns(duck, "pairs", **until),
            "sectors": _rows(duck, "sectors", newest_sector_hour=newest["fact_sector_hour"]),
            "parities": _rows(duck, "parities"),
            "crosses": _rows(duck, "crosses"),
            "coverage_hours": _columns(duck, "coverage_hours")["hour_utc"],
            "coverage": _rows(duck, "coverage"),
            "gap_causes": _rows(duck, "gap_causes", **until, sampled_until=manifest["sampled_until"]),
            "minutes": minutes,
            "gaps": _rows(duck, "gaps", **minute, symbols=[row["symbol"] for row in minutes]),
        }


def _columns(duck: duckdb.DuckDBPyConnection, model: str, **given: object) -> dict[str, list[Any]]:
    result = duck.execute(sql(f"dashboard/embedded/{model}.sql"), given)
    names = [column[0] for column in result.description or ()]
    columns = list(zip(*result.fetchall(), strict=True)) or [()] * len(names)
    return {name: [_json(value) for value in values] for name, values in zip(names, columns, strict=True)}


def _rows(duck: duckdb.DuckDBPyConnection, model: str, **given: object) -> list[Mapping[str, Any]]:
    result = duck.execute(sql(f"dashboard/embedded/{model}.sql"), given)
    names = [column[0] for column in result.description or ()]
    return [{name: _json(value) for name, value in zip(names, row, strict=True)} for row in result.fetchall()]


def _json(value: object) -> object:
    """A value as JSON has it; instants as all commands give them."""
    if isinstance(value, datetime):
        return f"{value.isoformat()}Z"
    return value.isoformat() if isinstance(value, date) else value
