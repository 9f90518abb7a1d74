"""What the tests of the archive share: candles as it writes them, and zips that are landed as a download does."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from binance_assets.archive.load import LoadedMonth, load_archive
from binance_assets.archive.zips import MICROSECONDS_FROM
from binance_assets.core import models as core
from binance_assets.landing import Capture
from binance_assets_tests.pipeline import MINUTE, Pipeline, as_body, milliseconds

DAY = timedelta(days=1)

HEADER = (
    "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore"
)

COLUMNS = (
    "open_at, open_price, high_price, low_price, close_price, volume, quote_volume, trade_count, taker_buy_volume, "
    "taker_buy_quote_volume"
)


@dataclass(frozen=True)
class Candle:
    """A made-up candle; ``number`` makes it different from others."""

    at: datetime
    number: int = 0
    trades: int = 7

    @property
    def values(self) -> tuple[Any, ...]:
        """As it should be stored, without its minute."""
        low = Decimal(100 + self.number % 50)
        volume = Decimal(self.number % 9 + 1) / 8 if self.trades else Decimal()
        return (low + 1, low + 3, low, low + 2, volume, volume * low, self.trades, volume / 2, volume * low / 2)

    def line(self, *, unit: timedelta | None = None, **changed: object) -> str:
        """As the archive writes it; ``unit`` is that of its times, ``changed`` what stands there instead."""
        unit = unit or (timedelta(microseconds=1) if self.at.date() >= MICROSECONDS_FROM else MINUTE / 60_000)
        opened = (self.at - datetime(1970, 1, 1)) // unit  # noqa: DTZ001
        low_values = self.values
        texts = [f"{it:.8f}" if isinstance(it, Decimal) else str(it) for it in low_values]
        names = ("open", "high", "low", "close", "volume", "quote_volume", "trades", "taker", "taker_quote")
        fields = {"opened": str(opened), **dict(zip(names, texts, strict=True)), "ignored": "0"}
        fields["closed"] = str(opened + MINUTE // unit - 1)
        fields |= {name: str(value) for name, value in changed.items()}
        order = (
            "opened", "open", "high", "low", "close", "volume", "closed", "quote_volume", "trades", "taker",
            "taker_quote", "ignored",
        )  # fmt: skip
        return ",".join(fields[name] for name in order)


def candles(since: datetime, minutes: int = 1440, number: int = 0) -> list[Candle]:
    """Candles of so many minutes from an instant on."""
    return [Candle(since + minute * MINUTE, number + minute) for minute in range(minutes)]


def text_of(rows: Iterable[Candle | str]) -> bytes:
    """A file of candles, or of lines as they are."""
    return "".join(f"{row.line() if isinstance(row, Candle) else row}\n" for row in rows).encode()


def zipped(members: dict[str, bytes]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, text in members.items():
            packed.writestr(zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0)), text, zipfile.ZIP_DEFLATED)
    return content.getvalue()


def flipped(content: bytes, at: int) -> bytes:
    """With one byte that is another one."""
    return content[:at] + bytes([content[at] ^ 0xFF]) + content[at + 1 :]


class ArchiveStore(Pipeline):
    """A store with the steps that load the archive."""

    def describe(self, *symbols: dict[str, Any]) -> None:
        """Land and load metadata."""
        self.land_info(symbols)
        self.load()
        with self.warehouse.connect() as connection:
            core.load_currencies(connection)
            core.load_pairs(connection)
            core.load_pair_history(connection)

    def land_zip(
        self, symbol: str, period: str, content: bytes, *, sha256: str | None = None, retrieved_at: str = "2026-02-01"
    ) -> Path:
        """Land a zip as a download does, with what the archive's checksum says."""
        digest = sha256 or hashlib.sha256(content).hexdigest()
        scope = "daily" if period.count("-") == 2 else "monthly"
        name = f"{symbol}-1m-{period}"
        place = self.landing.path / "archive" / symbol / scope / f"{name}.{digest[:16]}.zip"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
        told = {
            "url": f"http://localhost/data/spot/{scope}/klines/{symbol}/1m/{name}.zip",
            "sha256": digest,
            "size": len(content),
            "last_modified": "2026-01-02T05:00:00",
            "retrieved_at": f"{retrieved_at}T00:00:00",
        }
        place.with_name(f"{place.name}.json").write_text(json.dumps(told), encoding="utf-8")
        return place

    def land_candles(self, symbol: str, period: str, rows: Iterable[Candle | str], **options: Any) -> Path:
        """Land a zip of these rows."""
        return self.land_text(symbol, period, text_of(rows), **options)

    def land_text(self, symbol: str, period: str, text: bytes, **options: Any) -> Path:
        """Land a zip of this text."""
        return self.land_zip(symbol, period, zipped({f"{symbol}-1m-{period}.csv": text}), **options)

    def land_klines(
        self, rows: Iterable[object], first: datetime, last: datetime, *, at: datetime, interval: str = "1m"
    ) -> None:
        """Land an answer of klines for BTCUSDT, of the candles from one to another, received at an instant."""
        endpoint = f"klines/BTCUSDT/{first:%Y%m%dT%H%M}/{last:%Y%m%dT%H%M}" + f"/{interval}" * (interval != "1m")
        self.landing.land(Capture(endpoint, self.source, at, as_body(list(rows)), exchange_at=at))

    def add_rest(self, rows: Iterable[Candle]) -> None:
        """Candles of BTCUSDT from the API, as whoever fetches them adds them."""
        with self.warehouse.transaction() as connection:
            [(pair_id,)] = connection.rows("select pair_id from core.pair where symbol = 'BTCUSDT'")
            capture_id = connection.value("select min(capture_id) from raw.capture")
            for it in rows:
                connection.duck.execute(
                    "insert into raw.rest_kline values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    [pair_id, it.at, *it.values, capture_id],
                )
                connection.rows(
                    "insert or ignore into meta.open_kline_month values (strftime($at, '%Y-%m'), $pair)",
                    at=it.at,
                    pair=pair_id,
                )

    def load_archive(self) -> list[LoadedMonth]:
        return load_archive(self.warehouse, self.landing)

    def stored(self, symbol: str) -> list[tuple[Any, ...]]:
        """The candles of a pair, in order."""
        return self.rows(
            f"select {COLUMNS} from raw.kline inner join core.pair using (pair_id) where symbol = $symbol order by 1",
            symbol=symbol,
        )

    def states(self) -> dict[str, str]:
        """What became of each file, by its name without the hash."""
        rows = self.rows("select file, state from raw.archive_file")
        return {f"{Path(file).name.partition('.')[0]}": state for file, state in rows}

    def defects(self) -> list[tuple[Any, ...]]:
        """What was found: kind, lines, from and to, how many."""
        return self.rows(
            "select kind, line, last_line, from_utc, to_utc, affected_count from raw.archive_defect "
            "order by file, number"
        )

    def partitions(self) -> dict[str, bytes]:
        """The files of the months, by their path in the lake."""
        lake = self.warehouse.lake
        return {str(path.relative_to(lake)): path.read_bytes() for path in sorted(lake.glob("kline*/*/*.parquet"))}


def rolled_up(its: Sequence[Candle], opened_at: datetime, length: timedelta) -> list[object]:
    """The candle of a longer time of which these are the minutes, as klines answers; by plain Python."""
    traded = [it.values for it in its if it.trades] or [it.values for it in its]
    prices = (traded[0][0], max(row[1] for row in traded), min(row[2] for row in traded), traded[-1][3])
    volumes = [f"{sum(it.values[place] for it in its):.8f}" for place in (4, 5, 7, 8)]
    opened, closed = milliseconds(opened_at), milliseconds(opened_at + length) - 1
    trades = sum(it.trades for it in its)
    return [opened, *(f"{it:.8f}" for it in prices), volumes[0], closed, volumes[1], trades, *volumes[2:], "0"]


def rows_of(stored: Sequence[Candle]) -> list[tuple[Any, ...]]:
    """What should be stored of candles."""
    return [(candle.at, *candle.values) for candle in stored]
