"""Lands files that a user brings: recorded responses of the exchange, and tables of observations."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from binance_assets.clients import parse_json
from binance_assets.landing import Capture, Landing, LandingFile

_CHUNK = 1 << 20

EXCHANGE_OPENED_AT = datetime(2017, 7, 14)  # noqa: DTZ001 - all instants are naive UTC

OBSERVATION_COLUMNS = ("Symbol", "Price", "Retrieval_Timestamp")


class RefusedImport(Exception):
    """A file cannot be imported; the message says why and what would do. Nothing of it was landed."""


def import_files(landing: Landing, paths: Sequence[Path], retrieved_at: datetime | None) -> list[LandingFile | None]:
    """Land responses (exchangeInfo, ticker/price: JSON) and tables of observations (CSV, Parquet).

    JSON and CSV may be gzipped. All files are examined before the first is landed.

    Args:
        landing: Of the home's real data.
        paths: The files.
        retrieved_at: When the ticker/price responses among them were received, since they do not say; naive UTC.

    Returns:
        For each file what was landed, or None if the same was landed before.

    Raises:
        RefusedImport: One of them is none of these; nothing was landed.
    """
    examined = [_examine(path, retrieved_at) for path in paths]
    return [
        landing.land_observations(found)
        if isinstance(found, Path)
        else None
        if landing.has(found.capture_id)
        else landing.land(found)
        for found in examined
    ]


def _examine(path: Path, retrieved_at: datetime | None) -> Capture | Path:
    """The response that a file holds, or the file itself if it is a table of observations."""
    if not path.is_file():
        raise RefusedImport(f"{path}: there is no such file.")
    if any(suffix in {".csv", ".parquet"} for suffix in path.suffixes):
        _check_columns(path)
        return path
    return _response(path, retrieved_at)


def _response(path: Path, retrieved_at: datetime | None) -> Capture:
    body = _read(path)
    try:
        data = parse_json(body)
    except ValueError as error:
        raise RefusedImport(
            f"{path}: it is no JSON that the exchange would send ({error}). "
            "Files of observations must end in .csv, .csv.gz or .parquet."
        ) from error
    if isinstance(data, dict) and data.get("symbols") and isinstance(data["symbols"], list):
        return Capture("exchangeInfo", "import", _server_time(path, data), body)
    if isinstance(data, dict) and "code" in data:
        raise RefusedImport(f"{path}: it is an error of the exchange, not data: {json.dumps(data, default=str)[:200]}")
    rows = data if isinstance(data, list) else [data]
    if not rows or not any(isinstance(row, dict) and {"symbol", "price"} <= row.keys() for row in rows):
        raise RefusedImport(
            f"{path}: it is neither an exchangeInfo response (an object with `symbols`) "
            "nor a ticker/price response (rows with `symbol` and `price`)."
        )
    if retrieved_at is None:
        raise RefusedImport(
            f"{path}: a ticker/price response does not say when it was received. "
            "Say it with --retrieved-at, for example --retrieved-at 2021-04-29T07:27:28Z."
        )
    return Capture("ticker/price", "import", _possible(path, f"--retrieved-at {retrieved_at}", retrieved_at), body)


def _read(path: Path) -> bytes:
    content = path.read_bytes()
    if not content.startswith(b"\x1f\x8b"):
        return content
    try:
        return gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise RefusedImport(f"{path}: its gzip data is cut or damaged ({error}).") from error


def _server_time(path: Path, data: dict[str, Any]) -> datetime:
    milliseconds = data.get("serverTime")
    if not isinstance(milliseconds, int) or isinstance(milliseconds, bool):
        raise RefusedImport(f"{path}: an exchangeInfo response must have a serverTime in milliseconds.")
    try:
        at = datetime.fromtimestamp(milliseconds / 1000, UTC).replace(tzinfo=None)
    except (ValueError, OverflowError, OSError) as error:
        raise RefusedImport(f"{path}: its serverTime {milliseconds} is no time in milliseconds.") from error
    return _possible(path, f"its serverTime {milliseconds}", at)


def _possible(path: Path, what: str, at: datetime) -> datetime:
    """An instant at which a response may have been received."""
    if not EXCHANGE_OPENED_AT <= at <= datetime.now(UTC).replace(tzinfo=None):
        raise RefusedImport(f"{path}: {what} is before the exchange opened in 2017, or in the future.")
    return at


def _check_columns(path: Path) -> None:
    columns = _parquet_columns(path) if path.suffix == ".parquet" else _csv_columns(path)
    if tuple(columns) != OBSERVATION_COLUMNS:
        raise RefusedImport(
            f"{path}: its columns are {', '.join(columns)}; they should be {', '.join(OBSERVATION_COLUMNS)}."
        )


def _parquet_columns(path: Path) -> list[str]:
    with duckdb.connect() as duck:
        try:
            return duck.read_parquet(str(path)).columns
        except duckdb.Error as error:
            raise RefusedImport(f"{path}: it cannot be read: {str(error).splitlines()[0]}") from error


def _csv_columns(path: Path) -> list[str]:
    """The fields of the header. Reads a gzipped file to its end, since a cut one shows it only there."""
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as stream:
        try:
            header = stream.readline().decode("utf-8-sig", errors="replace")
            while path.suffix == ".gz" and stream.read(_CHUNK):
                pass
        except (OSError, EOFError, zlib.error) as error:
            raise RefusedImport(f"{path}: its gzip data is cut or damaged ({error}).") from error
    return [name.strip().strip('"') for name in header.split(",")]
