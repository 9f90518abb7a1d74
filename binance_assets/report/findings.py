"""What the published export says of a day: figures, not yet words."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypedDict

import duckdb

from binance_assets.export.publish import read_manifest
from binance_assets.warehouse import Connection

Row = dict[str, Any]


class NothingToReport(Exception):
    """The export has no prices of the day; the message says what it has, and what to do."""


class Findings(TypedDict):
    """The figures of a day. A list is empty and a row None where the export has nothing to say.

    Instants are naive UTC, prices in the quote currency; columns are those of the SQL file of the same name.
    """

    day: date
    source: str
    simulated: bool
    published_at: datetime
    sampled_until: datetime | None
    is_newest: bool
    extent: Row
    market: Row
    leaders: list[Row]
    highest: list[Row]
    shares: Row
    lowest: list[Row]
    coarsest: list[Row]
    bands: list[Row]
    pegs: list[Row]
    crosses: Row | None
    events: list[Row]
    sectors: list[Row]
    coverage: list[Row]
    quality: Row | None
    gaps: list[Row]


def findings_of(version: Path, day: date | None = None) -> Findings:
    """Compute the findings of a day from one version of the export.

    Args:
        version: Its folder (:func:`binance_assets.export.versions.current`).
        day: In UTC; the newest that it has prices of, if none is named. The newest day is told by the newest prices,
            an earlier one by the last price that each pair had on it.

    Raises:
        NothingToReport: It has no prices, or none of that day.
    """
    manifest = read_manifest(version)
    with TemporaryDirectory() as spill, duckdb.connect(config={"temp_directory": spill}) as duck:
        for file in version.glob("*.parquet"):
            duck.read_parquet(str(file)).create_view(file.stem)
        connection = Connection(duck)
        [extent] = connection.records("report/extent.sql")
        if extent["last_day"] is None:
            raise NothingToReport("The export has no prices yet. `binance-assets run` gets some and exports them.")
        newest_at = extent["newest_at"]
        newest = newest_at.date() if newest_at else extent["last_day"]
        day = day or newest
        if day == newest and newest_at:
            connection.run("report/newest_price.sql")
        else:
            connection.run("report/price_of_day.sql", day=day)
        if not connection.count("quoted"):
            raise NothingToReport(
                f"The export has no prices of {day}; it has some from {extent['first_day']} to {extent['last_day']}. "
                "Name another day with --day, or none for the newest."
            )
        [market] = connection.records("report/market.sql")
        quote, source = market["quote"], manifest["source"]
        published_at, sampled_until = _instant(manifest["published_at"]), manifest["sampled_until"]
        return {
            "day": day,
            "source": source,
            "simulated": manifest["simulated"],
            "published_at": published_at,
            "sampled_until": _instant(sampled_until) if sampled_until else None,
            "is_newest": day == newest,
            "extent": extent,
            "market": market,
            "leaders": connection.records("report/leaders.sql"),
            "highest": connection.records("report/highest.sql", quote=quote),
            "shares": connection.records("report/shares.sql", quote=quote)[0],
            "lowest": connection.records("report/lowest.sql", quote=quote),
            "coarsest": connection.records("report/coarsest.sql"),
            "bands": connection.records("report/bands.sql", quote=quote),
            "pegs": connection.records("report/pegs.sql", day=day, source=source),
            "crosses": _some(connection.records("report/crosses.sql", day=day)),
            "events": connection.records("report/events.sql", day=day),
            "sectors": connection.records("report/sectors.sql", day=day, source=source),
            "coverage": connection.records("report/coverage.sql", day=day),
            "quality": next(iter(connection.records("report/quality.sql", day=day)), None),
            "gaps": connection.records("report/gaps.sql", day=day, until=sampled_until),
        }


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=None)


def _some(rows: list[Row]) -> Row | None:
    """The row of an aggregate, or None where there was nothing to aggregate."""
    return next((row for row in rows if row["hour_utc"]), None)
