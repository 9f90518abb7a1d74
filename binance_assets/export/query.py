"""Questions in SQL to the export: they read its tables, and can neither change anything nor reach anything else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread

import duckdb


class QueryRefused(Exception):
    """The text is no question that the export can answer; the message says why."""


@contextmanager
def answer(version: Path, question: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """The result of a question to one version of the export, to be fetched from.

    Args:
        version: Its folder (:func:`binance_assets.export.versions.current`). Each Parquet file is a view.
        question: One ``select``, or what DuckDB takes for one: ``from``, ``with``, ``describe``, ``show``.

    Raises:
        QueryRefused: It is something else, is wrong, or asks for what is not in the export.
        duckdb.Error: It could not be worked out.
    """
    with TemporaryDirectory() as spill, duckdb.connect(config={"temp_directory": spill}) as duck:
        for file in version.glob("*.parquet"):
            duck.read_parquet(str(file)).create_view(file.stem)
        _lock(duck, version)
        try:
            statements = duck.extract_statements(question)
            if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
                raise QueryRefused("It should be one select statement; the export is read only.")
            _execute(duck, statements[0])
        except (
            duckdb.BinderException,
            duckdb.CatalogException,
            duckdb.InvalidInputException,
            duckdb.ParserException,
            duckdb.PermissionException,
        ) as error:
            raise QueryRefused(str(error)) from error
        yield duck


def _execute(duck: duckdb.DuckDBPyConnection, statement: duckdb.Statement) -> None:
    """Execute it in a thread, because DuckDB does not always see a Ctrl-C by itself."""
    failures: list[Exception] = []
    begin = Event()

    def work() -> None:
        begin.wait()
        try:
            duck.execute(statement)
        except Exception as error:
            failures.append(error)

    thread = Thread(target=work, daemon=True)
    thread.start()  # interrupted here, it has begun nothing that the end of the process could break off
    try:
        begin.set()
        thread.join()
    except KeyboardInterrupt:
        begin.set()
        while thread.is_alive():  # an interrupt that comes before the query has begun is lost
            duck.interrupt()
            thread.join(0.1)
        raise
    for error in failures:
        raise error


def _lock(duck: duckdb.DuckDBPyConnection, version: Path) -> None:
    """Leave it nothing but the files of the version; what it may read it could also write, but for a select."""
    duck.execute("set TimeZone = 'UTC'")
    duck.execute("set enable_progress_bar = false")
    duck.execute("set allowed_directories = $folders", {"folders": [str(version)]})
    for setting in (
        "autoload_known_extensions",
        "autoinstall_known_extensions",
        "allow_community_extensions",
        "python_enable_replacements",
        "enable_external_access",
    ):
        duck.execute(f"set {setting} = false")
    duck.execute("set lock_configuration = true")
