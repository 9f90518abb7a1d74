"""Questions in SQL to the export: they read its tables, and can neither change anything nor reach anything else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread

import duckdb

from binance_assets.export.readable import PROTOCOL, ReadableTables

_READ_ONLY = (
    "The export is read only: it should begin with select, from, with, values, pivot, unpivot, describe, show, "
    "summarize or explain, and copy nothing."
)

_PIVOTS = frozenset({"pivot", "pivot_wider", "from", "with", "select", "("})
"""What a statement with a pivot in it begins with."""


class QueryRefused(Exception):
    """The text is no question that the export can answer; the message says why."""


@contextmanager
def answer(version: Path, question: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """The result of a question to one version of the export, to be fetched from.

    Args:
        version: Its folder (:func:`binance_assets.export.versions.current`). Each Parquet file is a view.
        question: One statement that reads: ``select``, ``from``, ``with``, ``values``, ``pivot``, ``unpivot``,
            ``describe``, ``show``, ``summarize``, or ``explain`` of one of these.

    Raises:
        QueryRefused: It is something else, is wrong, or asks for what is not in the export.
        duckdb.Error: It could not be worked out.
    """
    with TemporaryDirectory() as spill, duckdb.connect(config={"temp_directory": spill}) as duck:
        tables = ReadableTables(version)
        duck.register_filesystem(tables)
        for place in tables:
            duck.read_parquet(place).create_view(Path(place).stem)
        _lock(duck)
        try:
            _execute(duck, _reading(duck, question))
        except (
            duckdb.BinderException,
            duckdb.CatalogException,
            duckdb.InvalidInputException,
            duckdb.ParserException,
            duckdb.PermissionException,
        ) as error:
            raise QueryRefused(_READ_ONLY if tables.was_written_to else str(error)) from error
        except duckdb.Error as error:
            if tables.was_written_to:
                raise QueryRefused(_READ_ONLY) from error
            raise
        yield duck


def _reading(duck: duckdb.DuckDBPyConnection, question: str) -> duckdb.Statement:
    """The statement of a question, which does nothing but read as far as its words tell."""
    if not question.isascii() and question.encode(errors="ignore").decode() != question:
        raise QueryRefused("It is not UTF-8.")
    statements = duck.extract_statements(question)
    if len(statements) != 1:
        raise QueryRefused(f"It should be one statement, and it has {len(statements)}.")
    [statement], words = statements, _words(question)
    first = words[0][1]
    if first == "explain":  # with `analyze` what it explains is executed
        _reading(duck, question.encode()[_explained(words) :].decode())
        return statement
    # A pivot that has to look for its columns first is several statements. What is read may come `with` a COPY.
    is_pivot = statement.type == duckdb.StatementType.MULTI and first in _PIVOTS
    if not (is_pivot or statement.type == duckdb.StatementType.SELECT) or "copy" in (word for _, word in words):
        raise QueryRefused(_READ_ONLY)
    return statement


def _words(question: str) -> list[tuple[int, str]]:
    """What a question consists of, without comments: the byte at which each word begins, and it."""
    text, tokens = question.encode(), duckdb.tokenize(question)
    ends = [begin for begin, _ in tokens[1:]] + [len(text)]
    return [
        (begin, text[begin:end].decode().strip().lower())
        for (begin, kind), end in zip(tokens, ends, strict=True)
        if kind != duckdb.token_type.comment
    ]


def _explained(words: Sequence[tuple[int, str]]) -> int:
    """Where in an ``explain`` that begins which it explains."""
    rest = iter(words[1:])
    begin, word = next(rest)
    if word == "analyze":
        return next(rest)[0]
    if word == "(" and words[2][1] in {"analyze", "format"}:
        while next(rest)[1] != ")":
            pass
        return next(rest)[0]
    return begin


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


def _lock(duck: duckdb.DuckDBPyConnection) -> None:
    """Leave it nothing but the tables, and the folder that it spills to, which goes with it."""
    duck.execute("set TimeZone = 'UTC'")
    duck.execute("set enable_progress_bar = false")
    duck.execute("set allowed_directories = $folders", {"folders": [PROTOCOL]})
    for setting in (
        "autoload_known_extensions",
        "autoinstall_known_extensions",
        "allow_community_extensions",
        "python_enable_replacements",
        "enable_external_access",
    ):
        duck.execute(f"set {setting} = false")
    duck.execute("set lock_configuration = true")
