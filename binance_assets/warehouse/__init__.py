"""The warehouse: one DuckDB file, opened by one process at a time, for as long as one step takes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import duckdb
import pandas as pd
from filelock import FileLock, Timeout
from tenacity import Retrying, retry_if_exception_message, stop_after_delay, wait_random_exponential

from binance_assets.sql import sql

LOCK_TIMEOUT_SECONDS = 60
"""How long to wait for another process of the project, and then for a foreign one, to close the file."""

_CONFIG = {
    # The step from the old default format makes closing a large file dear, and 1.5 can still read this one.
    "storage_compatibility_version": "v1.5.0",
    # No table name may ever mean a Python variable, and nothing is fetched from the network.
    "python_enable_replacements": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
}

SCHEMA = (
    "warehouse/schema.sql",
    "warehouse/lake.sql",
    "mart/fact_price_minute.sql",
    "mart/fact_price_hour_view.sql",
    "mart/preferred_minute.sql",
    "mart/preferred_hour.sql",
    "mart/preferred_day.sql",
    "mart/fact_price.sql",
)


_PARSED: dict[str, list[duckdb.Statement]] = {}
"""The statements of the SQL files that this process has run; any connection can run them, a copy each time."""


class WarehouseError(Exception):
    """The warehouse cannot be used as it is; the message says what to do."""


class WarehouseInUse(WarehouseError):
    """Another process holds it open, and did not let go in time."""


class Connection:
    """A DuckDB connection that runs the project's SQL files."""

    def __init__(self, duck: duckdb.DuckDBPyConnection) -> None:
        self.duck = duck

    def run(self, file: str, /, **parameters: object) -> None:
        """Run all statements of a SQL file, each with those of the parameters that it names."""
        if file not in _PARSED:
            _PARSED[file] = self.duck.extract_statements(sql(file))
        for statement in _PARSED[file]:
            self.duck.execute(statement, {name: parameters[name] for name in statement.named_parameters})

    def rows(self, query: str, /, **parameters: object) -> list[tuple[Any, ...]]:
        """The rows of a query given as text or as a SQL file's path."""
        return self.duck.execute(_text(query), parameters or None).fetchall()

    def value(self, query: str, /, **parameters: object) -> Any:
        """The first value of the first row, or None where there is no row."""
        rows = self.rows(query, **parameters)
        return rows[0][0] if rows else None

    def records(self, query: str, /, **parameters: object) -> list[dict[str, Any]]:
        """The rows of a query as dictionaries."""
        rows = self.rows(query, **parameters)
        names = [column[0] for column in self.duck.description or ()]
        return [dict(zip(names, row, strict=True)) for row in rows]

    def frame(self, query: str, /, **parameters: object) -> pd.DataFrame:
        """The rows of a query as a frame in which decimals stay decimals (DuckDB's own would be floats)."""
        return _frame(self.duck.execute(_text(query), parameters or None))

    def table_frame(self, table: str) -> pd.DataFrame:
        """All rows of a small table, as :meth:`frame` gives them."""
        return _frame(self.relation(table))

    def relation(self, table: str) -> duckdb.DuckDBPyRelation:
        """A declared table or view, to be filtered and counted without writing SQL."""
        return self.duck.query(f"from {table}")

    def count(self, table: str) -> int:
        """The number of rows of a table or view."""
        return int(self.value(f"from {table} select count(*)"))  # a relation's count takes four times as long

    def total(self, table: str) -> int:
        """The rows of an open table and of its sealed days, which were counted when they were sealed."""
        sealed = self.value(
            'select sum(row_count)::bigint from meta.sealed_partition where "table" = $table',
            table=table.partition(".")[2],
        )
        return self.count(table) + int(sealed or 0)

    def newest(self, table: str, column: str) -> datetime:
        """The newest instant in a table that is not empty."""
        return cast("datetime", self.value(f"from {table} select max({column})"))

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing: committed at the end of the block, rolled back if it raises."""
        self.duck.execute("begin transaction")
        try:
            yield
        except BaseException:
            self.duck.execute("rollback")
            raise
        self.duck.execute("commit")


class Warehouse:
    """The DuckDB file of one store.

    Args:
        path: The file; its folder is made when it is first written.
        source: ``live`` or ``sandbox``, written into it when it is made.
    """

    def __init__(self, path: Path, source: str) -> None:
        self.path = path
        self.source = source

    @property
    def lake(self) -> Path:
        """The folder of the sealed days, which the file's views read."""
        return self.path.parent / "lake"

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """The only way in: an exclusive connection, closed whatever happens. Makes the tables of a new file.

        Raises:
            WarehouseError: The file stays locked, or was made by other declarations than these.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self._lock(), self._open() as duck:
            connection = Connection(duck)
            self._prepare(connection)
            yield connection

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A connection whose every change is committed at the end of the block, or none."""
        with self.connect() as connection, connection.transaction():
            yield connection

    def replace_by(self, other: Warehouse) -> None:
        """Take the place of this file by another's, at once; what was in this one is gone."""
        with self._lock():
            self._log.unlink(missing_ok=True)  # what a killed process left in it is not of the new file
            other.path.replace(self.path)

    def delete(self) -> None:
        """Throw the file away. What was in it can be made again from landing."""
        with self._lock():
            self._log.unlink(missing_ok=True)
            self.path.unlink(missing_ok=True)

    @property
    def _log(self) -> Path:
        """DuckDB's write-ahead log beside the file."""
        return self.path.with_name(self.path.name + ".wal")

    @contextmanager
    def _lock(self) -> Iterator[None]:
        try:
            with FileLock(self.path.with_suffix(".lock"), timeout=LOCK_TIMEOUT_SECONDS):
                yield
        except Timeout as error:
            raise WarehouseInUse(
                f"{self.path} has been in use by another run for {LOCK_TIMEOUT_SECONDS} s. "
                "Wait for that run to end, or stop it, and try again."
            ) from error

    @contextmanager
    def _open(self) -> Iterator[duckdb.DuckDBPyConnection]:
        try:
            duck = Retrying(
                retry=retry_if_exception_message(match="(?s).*Could not set lock.*"),
                wait=wait_random_exponential(multiplier=0.1, max=2),
                stop=stop_after_delay(LOCK_TIMEOUT_SECONDS),
                reraise=True,
            )(duckdb.connect, self.path, config=_CONFIG | {"file_search_path": str(self.path.parent)})
        except duckdb.IOException as error:
            if "Could not set lock" in str(error):
                raise WarehouseInUse(
                    f"Another program holds {self.path} open ({error}). Close it there: "
                    "readers should use the files in export/, which are never locked."
                ) from error
            raise
        try:
            duck.execute("set TimeZone = 'UTC'")
            duck.execute("set enable_progress_bar = false")  # it would print between the lines of --json
            yield duck
        finally:
            duck.close()

    def _prepare(self, connection: Connection) -> None:
        connection.run("warehouse/macros.sql")
        declared = hashlib.sha256("".join(map(sql, SCHEMA)).encode()).hexdigest()
        if not connection.value("select count(*) from duckdb_schemas() where schema_name = 'meta'"):
            with connection.transaction():
                tables, *views = SCHEMA
                connection.run(tables)
                self._begin_lake(connection)
                for view in views:
                    connection.run(view)
                connection.rows(
                    "insert into meta.warehouse values ($source, $schema)",
                    source=self.source,
                    schema=declared,
                )
            return
        [(source, made_by)] = connection.rows("select source, schema_sha256 from meta.warehouse")
        if made_by != declared:
            raise WarehouseError(
                f"{self.path} was made by another version of binance_assets. "
                "Run `binance-assets rebuild`: it makes the warehouse again from the landing files, losing nothing."
            )
        if source != self.source:
            raise WarehouseError(
                f"{self.path} holds {source} data and cannot be used for {self.source} data. "
                "Somebody moved it there: move it back, or run `binance-assets rebuild`."
            )

    def _begin_lake(self, connection: Connection) -> None:
        """Give every sealed table a partition without rows, since a view needs some file to know its columns by."""
        for (table,) in connection.rows("select table_name from duckdb_tables() where schema_name = 'open'"):
            partition = self.lake / table / "date=0001-01-01" / "data.parquet"
            if not partition.exists():
                partition.parent.mkdir(parents=True, exist_ok=True)
                connection.relation(f"open.{table}").limit(0).write_parquet(str(partition))


def _text(query: str) -> str:
    return sql(query) if query.endswith(".sql") else query


def _frame(result: duckdb.DuckDBPyConnection | duckdb.DuckDBPyRelation) -> pd.DataFrame:
    names = [column[0] for column in result.description or ()]
    return pd.DataFrame(result.fetchall(), columns=names, dtype=object)
