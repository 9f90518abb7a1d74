"""Reads files of candles into a month's database, and writes down what is wrong in them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pandas as pd

from binance_assets.archive.plain import plain_lines
from binance_assets.archive.zips import ArchiveZip, Refused, unpack
from binance_assets.landing import Landing
from binance_assets.warehouse import Connection


def read_files(landing: Landing, connection: Connection, files: Mapping[ArchiveZip, int], staging: Path) -> None:
    """Read files, given with the pair of each. Those that are refused have a row in ``refusal``."""
    for archived in _read_plain_files(landing, connection, files, staging):
        _look_closely(landing, connection, archived)


@dataclass(frozen=True)
class _Look:
    """What a first look at a zip has shown: why it is refused, or its CSV, if that is plainly written."""

    refusal: Refused | None = None
    path: str | None = None
    line_count: int | None = None


def _read_plain_files(
    landing: Landing, connection: Connection, files: Mapping[ArchiveZip, int], staging: Path
) -> list[ArchiveZip]:
    """Read the candles of the files that are written as they should be. Returns those that need a closer look."""
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        looks = dict(zip(files, threads.map(partial(_first_look, landing, staging), files), strict=True))
    _list_files(connection, files, looks)
    paths = [look.path for look in looks.values() if look.path]
    if paths:
        connection.run("archive/plain_rows.sql", paths=paths)
    for path in paths:
        Path(path).unlink()
    for archived, look in looks.items():
        if look.refusal:
            _refuse(connection, archived, look.refusal)
    suspicious = {key for (key,) in connection.rows("archive/suspicious.sql")}
    return [
        archived
        for archived, look in looks.items()
        if not look.refusal and (look.path is None or archived.file_key in suspicious)
    ]


def _first_look(landing: Landing, staging: Path, archived: ArchiveZip) -> _Look:
    try:
        text = unpack(landing, archived)
    except Refused as refusal:
        return _Look(refusal)
    lines = plain_lines(text)
    if lines is None:
        return _Look()
    path = staging / f"{archived.file_key}.csv"
    path.write_bytes(text)
    return _Look(None, str(path), lines)


def _look_closely(landing: Landing, connection: Connection, archived: ArchiveZip) -> None:
    """Read a file line by line; what is wrong in it is written down."""
    text = unpack(landing, archived).decode("utf-8", "replace").replace("\0", "\N{REPLACEMENT CHARACTER}")
    file_key = archived.file_key
    connection.rows("delete from candle where file_key = $file_key", file_key=file_key)
    connection.run("archive/lines.sql", file_key=file_key, text=text)
    connection.run("archive/judged_lines.sql")
    for kind, detail in connection.rows("archive/verdict.sql"):
        _refuse(connection, archived, Refused(kind, detail))
        return
    connection.run("archive/findings.sql", file_key=file_key)


def _refuse(connection: Connection, archived: ArchiveZip, refusal: Refused) -> None:
    connection.run("archive/refusal.sql", file_key=archived.file_key, kind=refusal.kind, detail=refusal.detail)


def _list_files(connection: Connection, files: Mapping[ArchiveZip, int], looks: Mapping[ArchiveZip, _Look]) -> None:
    rows = [
        {
            **vars(archived),
            "file_key": archived.file_key,
            "pair_id": pair_id,
            "month": archived.month,
            "since": archived.since,
            "until": archived.until,
            "is_in_microseconds": archived.is_in_microseconds,
            "path": looks[archived].path,
            "line_count": looks[archived].line_count,
        }
        for archived, pair_id in files.items()
    ]
    frame = pd.DataFrame(rows).astype({"line_count": "Int64", "last_modified": "datetime64[us]", "path": "string"})
    connection.duck.register("listed", frame.drop(columns=["stem", "first"]))
    connection.rows("insert into file by name from listed")
    connection.duck.unregister("listed")
