"""Publishes the star: Parquet for every table, CSV for the small ones, all of it as a DuckDB file, and a manifest."""

from __future__ import annotations

import codecs
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
from duckdb import (
    ColumnExpression,
    ConstantExpression,
    DuckDBPyConnection,
    DuckDBPyRelation,
    Expression,
    FunctionExpression,
)

from binance_assets import catalog
from binance_assets.archive.tables import KLINE_HOUR
from binance_assets.export import contract
from binance_assets.export.selection import Scope, as_published, newest_candle, published_rows, sampled_until
from binance_assets.export.tables import PUBLICATION
from binance_assets.export.versions import current, new_version
from binance_assets.home import Store
from binance_assets.mart.tables import FACT_PRICE_HOUR, FACT_PRICE_LATEST
from binance_assets.sql import sql
from binance_assets.tables import Table
from binance_assets.warehouse import Connection

WHOLE_UP_TO = 1_000_000
"""Rows up to which a table is written anew by every publication. A larger one is by the first of each day."""

_MEMORY = "1GB"
"""For choosing among the hours of several sources. Beyond it they go to disk."""

MANIFEST, DATABASE = "manifest.json", "binance.duckdb"

_READABLE_SINCE = "v1.0.0"
"""The oldest DuckDB that is promised to read the DuckDB file."""

_RUN_BY_SPREADSHEETS = "(^|;)([=+@\\t\\r\\n\uff1d\uff0b\uff0d\uff20-])"
"""What a cell begins with that a spreadsheet takes for a formula; the wide forms count in some languages.

Where the comma is the decimal sign, a spreadsheet that opens the file may take a semicolon for the end of a cell.
"""


class DamagedExport(Exception):
    """A version of the export is not what was published; the message says what to do."""


@dataclass(frozen=True)
class PublishedFile:
    """One file of an export, as the manifest describes it.

    ``written_at`` is older than the publication for a file that was taken over from the one before. The DuckDB file
    has ``tables``, each with rows and window, and the others have ``columns``. A ``window`` is the span of the rows'
    instants and what the rows are limited to; a table without instants has none.
    """

    name: str
    rows: int
    bytes: int
    sha256: str
    written_at: str
    table: str | None = None
    window: Mapping[str, Any] | None = None
    columns: Sequence[Mapping[str, Any]] = ()
    tables: Sequence[Mapping[str, Any]] = ()


def publish(store: Store, scope: Scope = Scope()) -> list[PublishedFile]:  # noqa: B008 - it cannot be changed
    """Write every table of the star to ``export/``, with a manifest, in place of what was there.

    The files are written whole into a folder of their own, which takes the place of the former one at once
    (:mod:`binance_assets.export.versions`). So a failure leaves the last export as it was, and a reader with an old
    file open keeps reading that one.
    """
    now = datetime.now(UTC).replace(tzinfo=None)
    kept = _still_good(store, scope, now)
    with new_version(store.export, f"{now:%Y%m%dT%H%M%S.%fZ}") as folder:
        for name, file in kept.items():
            os.link((current(store.export) or folder) / file.name, folder / f"{name}.parquet")
        wanted = [table for name, table in contract.STAR.items() if name not in kept]
        reach = _write_tables(store, wanted, scope, folder)
        with duckdb.connect() as duck:
            about = _about(duck, store, scope, now, folder, reach)
            _write_publication(duck, store, scope, about, folder)
            parquet = [
                kept.get(name) or _parquet(duck, table, scope, now, folder) for name, table in contract.TABLES.items()
            ]
            sheets = [_write_sheet(duck, file, now, folder) for file in parquet if file.table in contract.SPREADSHEETS]
        files = [*parquet, *sheets, _write_database(scope, parquet, now, folder)]
        manifest = about | {"files": [asdict(file) for file in files]}
        (folder / MANIFEST).write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return files


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a version's folder.

    Raises:
        DamagedExport: It is missing, or is not what a publication writes.
    """
    place = folder / MANIFEST
    try:
        manifest: dict[str, Any] = json.loads(place.read_text(encoding="utf-8"))
        _ = {name: manifest[name] for name in (*PUBLICATION.columns, "files")}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DamagedExport(
            f"{place} cannot be read ({error}): it is damaged, or of another version of this project. "
            "`binance-assets run` publishes a new set in their place."
        ) from error
    return manifest


def _still_good(store: Store, scope: Scope, now: datetime) -> dict[str, PublishedFile]:
    """The large files of the current version that need not be written again today, by their tables' names."""
    folder = current(store.export)
    if folder is None:
        return {}
    try:
        manifest = read_manifest(folder)
        files = [PublishedFile(**described) for described in manifest["files"]]
    except (DamagedExport, KeyError, TypeError):  # of another version of this project, or damaged
        return {}
    if manifest.get("coinmarketcap") != scope.coinmarketcap:
        return {}
    found = {}
    for file in files:
        table = contract.TABLES.get(file.table or "")
        if (
            table
            and file.name.endswith(".parquet")
            and file.rows > WHOLE_UP_TO
            and not scope.limit_of(table)
            and file.written_at[:10] == now.date().isoformat()
            and list(file.columns) == _described(table)
        ):
            found[table.bare_name] = file
    return found


@dataclass(frozen=True)
class _Reach:
    """Up to when there is what the files do not tell exactly: the newest candle's minute, and the last sample."""

    candle: datetime | None
    sampled_until: datetime | None


def _write_tables(store: Store, wanted: Sequence[Table], scope: Scope, folder: Path) -> _Reach:
    """Write the Parquet files, all of them of one moment: nobody else has the warehouse meanwhile."""
    hours: _TakenOut | None = None
    with store.warehouse.connect() as connection:
        reach = _Reach(newest_candle(connection), sampled_until(connection))
        for table in wanted:
            if table is FACT_PRICE_HOUR and _hours_are_many(connection):
                hours = _take_out_hours(connection, store, folder)
            else:
                _copy(connection, published_rows(connection, table, scope), store, table, scope, folder)
    if hours:
        with _taken_out_hours(hours, store) as connection:
            _copy(connection, published_rows(connection, FACT_PRICE_HOUR, scope), store, FACT_PRICE_HOUR, scope, folder)
    return reach


def _hours_are_many(connection: Connection) -> bool:
    """Whether they are so many that nobody shall wait for the warehouse until they are written: most are in files."""
    candles = connection.value("select coalesce(sum(row_count), 0)::bigint from meta.kline_month")
    return bool(connection.total(FACT_PRICE_HOUR.newest_in) + candles // 60 > WHOLE_UP_TO)


@dataclass(frozen=True)
class _TakenOut:
    """The hours, to be read without the warehouse: open ones, sealed days, months of candles."""

    folder: Path
    open: Path
    days: Sequence[date]
    months: Sequence[str]


def _take_out_hours(connection: Connection, store: Store, folder: Path) -> _TakenOut:
    """Put the open hours into a file, say which days are sealed, and link the months, which may be replaced soon."""
    apart = folder / "hours"
    months = [name for (name,) in connection.rows("select hours from meta.kline_month order by month")]
    for name in months:
        (apart / name).parent.mkdir(parents=True)
        os.link(store.path / name, apart / name)
    apart.mkdir(exist_ok=True)
    connection.relation(FACT_PRICE_HOUR.open_name).write_parquet(str(apart / "open.parquet"))
    days = 'select date from meta.sealed_partition where "table" = $table order by date'
    sealed = [day for (day,) in connection.rows(days, table=FACT_PRICE_HOUR.bare_name)]
    return _TakenOut(apart, apart / "open.parquet", sealed, months)


@contextmanager
def _taken_out_hours(hours: _TakenOut, store: Store) -> Iterator[Connection]:
    """The views of the hours, without the warehouse.

    A day that is sealed again meanwhile is read as it was, or as it is then.
    """
    with duckdb.connect(
        config={
            "file_search_path": f"{hours.folder},{store.path}",
            "memory_limit": _MEMORY,
            "temp_directory": str(hours.folder / "spilled"),
        }
    ) as duck:
        duck.execute("set threads = 1")  # with more, what is to be kept in order would all be held in memory
        for schema in ("raw", "lake", "mart", "open"):
            duck.execute(f"create schema {schema}")
        duck.read_parquet(str(hours.open)).create(FACT_PRICE_HOUR.open_name)
        duck.execute(catalog.lake_view(FACT_PRICE_HOUR, hours.days))
        duck.execute(catalog.month_view(KLINE_HOUR, hours.months))
        connection = Connection(duck)
        connection.run("mart/fact_price_hour_view.sql")
        connection.run("mart/preferred_hour.sql")
        yield connection
    shutil.rmtree(hours.folder)


def _copy(
    connection: Connection, rows: DuckDBPyRelation, store: Store, table: Table, scope: Scope, folder: Path
) -> None:
    as_published(rows, table, scope).create_view("publication", replace=True)
    path, simulated = folder / f"{table.bare_name}.parquet", str(store.is_simulated).lower()
    connection.run("export/publish.sql", path=str(path), source=store.source, simulated=simulated)


def _parquet(duck: DuckDBPyConnection, table: Table, scope: Scope, now: datetime, folder: Path) -> PublishedFile:
    """A Parquet file that was written, as the manifest describes it."""
    path = folder / f"{table.bare_name}.parquet"
    rows, window = _extent(duck.read_parquet(str(path)), table, scope.limit_of(table))
    return PublishedFile(
        path.name, rows, *_identity(path, now), table.bare_name, window=window, columns=_described(table)
    )


def _write_sheet(duck: DuckDBPyConnection, parquet: PublishedFile, now: datetime, folder: Path) -> PublishedFile:
    """A table as CSV for spreadsheets: with a mark that it is UTF-8, whole seconds, and no text that would be run."""
    table = contract.SPREADSHEETS[parquet.table or ""]
    path = folder / f"{table.bare_name}.csv"
    cells = [_harmless(column, table) for column in contract.columns(table)]
    rows = duck.read_parquet(str(folder / parquet.name)).select(*cells)
    rows.write_csv(str(path), timestamp_format="%Y-%m-%d %H:%M:%S")
    path.write_bytes(codecs.BOM_UTF8 + path.read_bytes())
    size, digest, written_at = _identity(path, now)
    return replace(parquet, name=path.name, bytes=size, sha256=digest, written_at=written_at)


def _harmless(column: contract.Column, table: Table) -> Expression:
    value = ColumnExpression(column.name)
    if table.sql_type(column.of) != "varchar":
        return value
    marked = FunctionExpression(
        "regexp_replace",
        value,
        ConstantExpression(_RUN_BY_SPREADSHEETS),
        ConstantExpression("\\1'\\2"),
        ConstantExpression("g"),
    )
    return marked.alias(column.name)


def _write_database(scope: Scope, parquet: Sequence[PublishedFile], now: datetime, folder: Path) -> PublishedFile:
    """All tables as one DuckDB file. Of those that are not written every time it has the newest days."""
    path = folder / DATABASE
    held: list[dict[str, Any]] = []
    with duckdb.connect(path, config={"storage_compatibility_version": _READABLE_SINCE}) as duck:
        for file in parquet:
            table = contract.TABLES[file.table or ""]
            rows, count, window = duck.read_parquet(str(folder / file.name)), file.rows, file.window
            if count > WHOLE_UP_TO and window and not window["limited_to"]:
                since = datetime.fromisoformat(window["last"].removesuffix("Z")) - timedelta(days=scope.days)
                rows = rows.filter(ColumnExpression(window["column"]) >= ConstantExpression(since))
                count, window = _extent(rows, table, f"the newest {scope.days} days")
            rows.create(table.bare_name)
            held.append({"name": table.bare_name, "rows": count, "window": window})
    return PublishedFile(path.name, sum(table["rows"] for table in held), *_identity(path, now), tables=held)


def _about(
    duck: DuckDBPyConnection, store: Store, scope: Scope, now: datetime, folder: Path, reach: _Reach
) -> dict[str, Any]:
    """What the manifest says of the publication as a whole."""
    latest = duck.read_parquet(str(folder / f"{FACT_PRICE_LATEST.bare_name}.parquet"))
    [(price,)] = latest.max("observed_at").fetchall()
    return {
        "contract_version": contract.VERSION,
        "source": store.source,
        "simulated": store.is_simulated,
        "notice": "SIMULATED prices of the sandbox exchange" if store.is_simulated else None,
        "published_at": _iso(now),
        "data_until": _iso(max(filter(None, (price, reach.candle)), default=None)),
        "sampled_until": _iso(reach.sampled_until),
        "watch_list": list(scope.watch_list),
        "coinmarketcap": scope.coinmarketcap,
    }


def _write_publication(
    duck: DuckDBPyConnection, store: Store, scope: Scope, about: Mapping[str, Any], folder: Path
) -> None:
    given = {name: about[name] for name in PUBLICATION.columns}
    _copy(Connection(duck), duck.sql(sql("export/publication.sql"), params=given), store, PUBLICATION, scope, folder)


def _described(table: Table) -> list[dict[str, Any]]:
    return [column.described for column in contract.columns(table)]


def _extent(rows: DuckDBPyRelation, table: Table, limited_to: str | None) -> tuple[int, dict[str, Any] | None]:
    """The number of rows, and the span of their instants if the table has any."""
    at = table.time_column
    span = f'min("{at}"), max("{at}")' if at else "null, null"
    [(count, first, last)] = rows.aggregate(f"count(*), {span}").fetchall()
    window = {"column": at, "first": _iso(first), "last": _iso(last), "limited_to": limited_to}
    return int(count), window if at else None


def _identity(path: Path, now: datetime) -> tuple[int, str, str]:
    """Bytes, hash and time of a file that was just written."""
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return path.stat().st_size, digest, _iso(now) or ""


def _iso(instant: date | None) -> str | None:
    """An instant or a day, UTC, as JSON has it."""
    return f"{instant.isoformat()}Z" if isinstance(instant, datetime) else instant.isoformat() if instant else None
