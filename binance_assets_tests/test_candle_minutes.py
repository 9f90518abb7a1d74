"""Candles in the star: minutes, hours and days of them, and which source counts where there are several."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from math import isclose
from pathlib import Path
from typing import Any

import duckdb
import pytest

from binance_assets import lake
from binance_assets.checks import RULES
from binance_assets.export import publish as publish_module
from binance_assets.export.publish import publish
from binance_assets.export.selection import Scope
from binance_assets_tests.klines import DAY, ArchiveStore, Candle, candles
from binance_assets_tests.pipeline import HOUR, MINUTE, NOON, PAIRS, described
from binance_assets_tests.test_klines import as_recorded, needs_recordings, recorded

FIRST = NOON - 12 * HOUR
TODAY = f"{FIRST:%Y-%m-%d}"


@pytest.fixture
def store(tmp_path: Path) -> ArchiveStore:
    store = ArchiveStore(tmp_path / "live")
    store.land_info(PAIRS, FIRST - DAY)
    store.update()
    return store


def of_pair(store: ArchiveStore, table: str, symbol: str = "BTCUSDT") -> list[dict[str, Any]]:
    return store.records(
        f"select fact.* from {table} as fact inner join mart.dim_pair using (pair_key) where symbol = $symbol "
        "order by all",
        symbol=symbol,
    )


# Plain models: what a span of candles is


class Span:
    """Some candles rolled up, with exact numbers."""

    def __init__(self, rows: Sequence[tuple[Any, ...]]) -> None:
        self.first, self.last = rows[0], rows[-1]
        self.high, self.low = max(row[2] for row in rows), min(row[3] for row in rows)
        self.volume, self.quote_volume = sum(row[5] for row in rows), sum(row[6] for row in rows)
        self.trades, self.count = sum(row[7] for row in rows), len(rows)
        closes = sum(Fraction(row[4]) for row in rows) / len(rows)
        self.is_traded = self.quote_volume > 0
        self.average = Fraction(self.quote_volume) / Fraction(self.volume) if self.is_traded else closes

    def assert_is(self, row: Mapping[str, Any], minutes: int) -> None:
        assert (row["open_price"], row["high_price"], row["low_price"], row["close_price"]) == (
            self.first[1],
            self.high,
            self.low,
            self.last[4],
        )
        assert (row["volume"], row["quote_volume"], row["trade_count"]) == (
            self.volume,
            self.quote_volume,
            self.trades,
        )
        assert isclose(row["average_price"], self.average, rel_tol=1e-14)
        assert float(self.low) <= row["average_price"] <= float(self.high)
        assert row["average_kind"] == ("volume_weighted" if self.is_traded else "close")
        assert isclose(row["price_usdt"], self.average, rel_tol=1e-12)
        assert (row["usdt_path"], row["time_weighted_price"]) == ("USDT", None)
        assert (row["observation_count"], row["expected_count"]) == (self.count, self.count)
        assert isclose(row["coverage"], self.count / minutes)
        if minutes > 1:
            assert (row["observed_minutes"], row["filled_minutes"]) == (self.count, 0)
            assert (row["missing_minutes"], row["price_sum"]) == (minutes - self.count, None)


def spans(rows: Sequence[tuple[Any, ...]], span: timedelta) -> dict[datetime, Span]:
    def begin(row: tuple[Any, ...]) -> datetime:
        at: datetime = row[0]
        return at - (at - datetime(2017, 1, 1)) % span  # noqa: DTZ001 - naive UTC

    return {at: Span(list(of)) for at, of in itertools.groupby(rows, begin)}


@needs_recordings
def test_recorded_candles_are_in_the_star_digit_for_digit(tmp_path: Path) -> None:
    """Three days as they were downloaded, and the days of the outage."""
    store = ArchiveStore(tmp_path / "live")
    store.describe(described("BTCUSDT", "BTC", "USDT"))
    rows: list[tuple[Any, ...]] = []
    for day in ("2018-02-08", "2018-02-09"):
        text = recorded(f"klines/BTCUSDT-1m-{day}.csv")
        store.land_text("BTCUSDT", day, text)
        rows += as_recorded(text)
    for day in ("2020-01-01", "2020-01-02", "2020-01-03"):
        store.land_zip("BTCUSDT", day, recorded(f"klines/BTCUSDT-1m-{day}.zip"))
    store.load_archive()
    rows += [row for row in store.stored("BTCUSDT") if row[0].year == 2020]  # test_klines compares them with the files
    assert len(rows) > 4320 + 800
    minutes = store.records("from mart.fact_price_minute order by minute_utc")
    assert [row["minute_utc"] for row in minutes] == [row[0] for row in rows]
    for row, recorded_row in zip(minutes, rows, strict=True):
        Span([recorded_row]).assert_is(row, 1)
        at = recorded_row[0]
        assert (row["date"], row["date_key"]) == (at.date(), at.year * 10000 + at.month * 100 + at.day)
        assert (row["time_key"], row["source"], row["is_gap"]) == (at.hour * 60 + at.minute, "archive", False)
        assert (row["filled_price"], row["fill_method"], row["staleness_seconds"]) == (None, "none", 0)
        assert row["last_observed_at"] is None
    for table, column, span in (("hour", "hour_utc", HOUR), ("day", "date_utc", DAY)):
        expected = spans(rows, span)
        found = store.records(f"from mart.fact_price_{table} order by {column}")
        starts = [datetime(*row[column].timetuple()[:5]) for row in found]  # noqa: DTZ001 - naive UTC
        assert starts == list(expected)
        for row, of in zip(found, expected.values(), strict=True):
            of.assert_is(row, span // MINUTE)


def test_a_pair_whose_trades_are_all_at_one_price_has_exactly_that_average(store: ArchiveStore) -> None:
    """With volumes whose quotient as doubles is beside it in the last digit."""
    prices = [Decimal(f"{number * 7 + 1}e-8") for number in range(0, 1440 * 997, 997)]
    lines = []
    for number, at_price in enumerate(prices):
        volume = Decimal(number * 37 % 1009 + 1)
        text, paid = f"{at_price:.8f}", f"{volume * at_price:.8f}"
        at = Candle(FIRST + number * MINUTE)
        lines.append(at.line(open=text, high=text, low=text, close=text, volume=f"{volume:.8f}", quote_volume=paid))
    store.land_candles("BTCUSDT", TODAY, lines)
    store.load_archive()
    found = [(row["average_price"], row["average_kind"]) for row in of_pair(store, "mart.price_minute")]
    assert found == [(float(at_price), "volume_weighted") for at_price in prices]


def test_what_is_paid_below_the_last_decimal_counts_as_nothing_traded(store: ArchiveStore) -> None:
    zero = "0.00000000"
    tiny = dict.fromkeys(("open", "high", "low", "close"), "0.00000003") | {"volume": "0.10000000"}
    line = Candle(FIRST).line(quote_volume=zero, taker=zero, taker_quote=zero, **tiny)
    store.land_candles("USDTTRY", TODAY, [line])
    store.land_candles("XRPTRY", TODAY, [Candle(FIRST, 3)])
    store.load_archive()
    [lira] = of_pair(store, "mart.fact_price_minute", "USDTTRY")
    assert (lira["average_price"], lira["average_kind"], lira["volume"]) == (3e-8, "close", Decimal("0.1"))
    [ripple] = of_pair(store, "mart.fact_price_minute", "XRPTRY")
    assert (ripple["usdt_path"], isclose(ripple["price_usdt"], 103 / 3e-8)) == ("1/USDTTRY", True)


def test_hours_in_usdt_are_weighted_by_volume(store: ArchiveStore) -> None:
    """Of three minutes one has no rate, and one of those on the way to USDT was without trades."""
    rows = [Candle(FIRST + number * MINUTE, number) for number in range(3)]
    store.land_candles("XRPTRY", TODAY, rows)
    store.land_candles("USDTTRY", TODAY, [Candle(FIRST, 10), Candle(FIRST + MINUTE, 20, trades=0)])
    store.load_archive()
    minutes = of_pair(store, "mart.fact_price_minute", "XRPTRY")
    assert [row["usdt_path"] for row in minutes] == ["1/USDTTRY", "1/USDTTRY", None]
    rated = [row for row in minutes if row["price_usdt"]]
    weighted = sum(row["price_usdt"] * float(row["volume"]) for row in rated) / sum(
        float(row["volume"]) for row in rated
    )
    for table in ("mart.fact_price_hour", "mart.fact_price_day"):
        [row] = of_pair(store, table, "XRPTRY")
        assert isclose(row["price_usdt"], weighted, rel_tol=1e-12)
        assert row["usdt_path"] == "1/USDTTRY"


# Which source counts

SAMPLED_STATES = (None, "observed", "gap")
CANDLE_STATES = (None, "archive traded", "archive", "rest traded", "rest")


def chosen(live: str | None, imported: str | None, candle: str | None) -> str | None:
    """The rule, in plain words of Python."""
    if candle and "traded" in candle:
        return candle.split()[0]
    if live == "observed":
        return "live"
    if imported == "observed":
        return "import"
    if candle:
        return candle
    return "live" if live else "import" if imported else None


def test_the_minute_of_a_pair_is_by_the_rule_for_every_presence_of_sources(store: ArchiveStore) -> None:
    """Every combination of what the sources can have of a minute, one in each minute."""
    cases = {
        FIRST + number * MINUTE: case
        for number, case in enumerate(itertools.product(SAMPLED_STATES, SAMPLED_STATES, CANDLE_STATES))
    }
    of_archive = [
        Candle(at, 1, trades=7 if "traded" in candle else 0)
        for at, (*_, candle) in cases.items()
        if candle and candle.startswith("archive")
    ]
    of_api = [
        Candle(at, 1, trades=7 if "traded" in candle else 0)
        for at, (*_, candle) in cases.items()
        if candle and candle.startswith("rest")
    ]
    store.land_candles("BTCUSDT", TODAY, of_archive)
    store.add_rest(of_api)
    store.load_archive()
    with store.warehouse.transaction() as connection:
        [(pair,)] = connection.rows("select pair_id from core.pair where symbol = 'BTCUSDT'")
        for at, (live, imported, _) in cases.items():
            for source, state in (("live", live), ("import", imported)):
                if state:
                    connection.rows(
                        "insert into open.fact_price_minute by name select $pair as pair_key, $at as minute_utc, "
                        "$source as source, $count as observation_count, 6 as expected_count, $at as last_observed_at, "
                        "if($count > 0, 5, null) as close_price, if($count > 0, 0, null) as sum_over_close",
                        pair=pair,
                        at=at,
                        source=source,
                        count=int(state == "observed"),
                    )
    expected = {at: source for at, case in cases.items() if (source := chosen(*case))}
    found = store.rows("select minute_utc, source from mart.price_minute order by minute_utc")
    assert found == sorted(expected.items())
    rows = store.rows("select count(*) from mart.fact_price_minute")
    assert rows == [(sum(state is not None for case in cases.values() for state in case),)], "all stay queryable"
    publish(store.store, Scope(watch_list=("*",), days=1))
    assert exported(store, "select minute_utc, source from 'fact_price_minute.parquet' order by 1") == found


HOURS_SAMPLED = (None, 0, 30, 60)
HOURS_OF_CANDLES = (None, (30, 7), (60, 7), (60, 0))


def chosen_hour(live: int | None, imported: int | None, of_candles: tuple[int, int] | None) -> str | None:
    """The source with the most minutes; else candles that were traded, live, import, candles."""
    rows = [
        *([(-of_candles[0], 1 if of_candles[1] else 4, "archive")] if of_candles else []),
        *([(-live, 2, "live")] if live is not None else []),
        *([(-imported, 3, "import")] if imported is not None else []),
    ]
    return min(rows)[2] if rows else None


def test_the_hour_of_a_pair_is_that_of_the_source_with_the_most_minutes(
    store: ArchiveStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    cases = {
        FIRST + number * HOUR: case
        for number, case in enumerate(itertools.product(HOURS_SAMPLED, HOURS_SAMPLED, HOURS_OF_CANDLES))
    }
    store.land_candles(
        "BTCUSDT",
        f"{FIRST:%Y-%m}",
        [
            Candle(at + number * MINUTE, 1, trades)
            for at, (*_, of) in cases.items()
            for minutes, trades in ([of] if of else [])
            for number in range(minutes)
        ],
    )
    store.load_archive()
    with store.warehouse.transaction() as connection:
        [(pair,)] = connection.rows("select pair_id from core.pair where symbol = 'BTCUSDT'")
        for at, (live, imported, _) in cases.items():
            for source, minutes in (("live", live), ("import", imported)):
                if minutes is not None:
                    connection.rows(
                        "insert into open.fact_price_hour by name select $pair as pair_key, $at as hour_utc, "
                        "$source as source, $minutes as observation_count, 60 as expected_count, "
                        "$minutes / 60 as coverage, $minutes as observed_minutes, 0 as filled_minutes, "
                        "60 - $minutes as missing_minutes, "
                        "date_key($at) as date_key, time_key($at) as time_key",
                        pair=pair,
                        at=at,
                        source=source,
                        minutes=minutes,
                    )
    expected = sorted((at, source) for at, case in cases.items() if (source := chosen_hour(*case)))
    query = "select hour_utc, source from {} order by hour_utc"
    assert store.rows(query.format("mart.price_hour")) == expected
    publish(store.store)
    assert exported(store, query.format("'fact_price_hour.parquet'")) == expected
    monkeypatch.setattr(publish_module, "WHOLE_UP_TO", 100)  # they are read apart from the warehouse then
    publish(store.store)
    assert exported(store, query.format("'fact_price_hour.parquet'")) == expected


def exported(store: ArchiveStore, query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(config={"file_search_path": str(store.store.export)}) as duck:
        return duck.execute(query).fetchall()


def test_a_home_with_nothing_but_candles_publishes_the_newest_days_of_them(store: ArchiveStore) -> None:
    for age in (0, 1, 5):
        at = FIRST - age * DAY
        store.land_candles("BTCUSDT", f"{at:%Y-%m-%d}", candles(at, 60))
    store.load_archive()
    publish(store.store, Scope(days=2))
    days = exported(store, "select date_key, count(*) from 'fact_price_minute.parquet' group by 1 order by 1")
    assert days == [(20240229, 60), (20240301, 60)]
    assert exported(store, "select count(*), sum(volume) > 0 from 'fact_price_day.parquet'") == [(3, True)]


# What is sampled and what is traded stay apart

SAMPLED_ONLY = (
    "mart.fact_price_latest",
    "mart.fact_parity_hour",
    "mart.fact_sector_hour",
    "mart.gap",
    "lake.sampled_minute",
    "lake.fact_price_hour",
)


def test_candles_change_nothing_of_what_was_sampled(store: ArchiveStore) -> None:
    for minute in (0, 1, 5, 61):
        store.land_prices({pair["symbol"]: "1.5" for pair in PAIRS}, NOON + minute * MINUTE)
    store.land_prices({"BTCUSDT": "2"}, NOON + DAY)
    store.update()
    status = ("status.sql", {"newest_at": NOON + 61 * MINUTE})
    last = ("mart/last_minute.sql", {"symbol": "BTCUSDT"})

    def told() -> list[Any]:
        return [
            *(store.rows(f"from {table} order by all") for table in SAMPLED_ONLY),
            *(store.rows(query, **given) for query, given in (status, last)),
            store.rows("select * from mart.fact_price_day where source = 'live' order by all"),
        ]

    before = told()
    store.land_candles("BTCUSDT", TODAY, candles(FIRST))
    store.land_candles("ETHUSDT", f"{FIRST + DAY:%Y-%m-%d}", candles(FIRST + DAY))
    store.load_archive()
    assert told() == before
    assert {row["source"] for row in of_pair(store, "mart.fact_price_minute")} == {"live", "archive"}
    star = ("mart.fact_price_minute", "mart.fact_price_hour", "mart.fact_price_day", "mart.price_day")
    with_candles = [store.rows(f"from {table} order by all") for table in star]
    store.rebuild()
    store.load_archive()
    assert told() == before
    assert [store.rows(f"from {table} order by all") for table in star] == with_candles


def test_days_of_a_month_that_is_made_anew_are_replaced(store: ArchiveStore) -> None:
    store.land_candles("BTCUSDT", "2024-03", candles(FIRST, 3 * 1440))
    store.land_candles("BTCUSDT", "2024-02-29", candles(FIRST - DAY))
    store.load_archive()

    def days() -> list[tuple[Any, ...]]:
        return store.rows("select date_utc, source, observed_minutes from mart.fact_price_day order by all")

    february = (date(2024, 2, 29), "archive", 1440)
    assert days() == [february, *((date(2024, 3, day), "archive", 1440) for day in (1, 2, 3))]
    store.land_candles("BTCUSDT", "2024-03", candles(FIRST, 1450), retrieved_at="2026-03-01")
    store.add_rest(candles(FIRST + DAY + HOUR, 10))
    store.load_archive()
    assert days() == [
        february,
        (date(2024, 3, 1), "archive", 1440),
        (date(2024, 3, 2), "archive", 10),
        (date(2024, 3, 2), "rest", 10),
    ]
    store.land_zip("BTCUSDT", "2024-02-29", b"no zip", retrieved_at="2026-03-01")
    store.load_archive()
    assert days()[0] == february


def test_one_pair_and_one_day_read_one_sealed_day_and_one_month(store: ArchiveStore) -> None:
    """Of another year one file is opened, for the columns; of the other months no more than the last page is read."""
    for number in range(4):
        store.land_prices({"BTCUSDT": "1", "ETHUSDT": "2"}, NOON + number * DAY)
    for month in ("2022-03", "2023-01", "2023-02", "2024-02", "2024-03", "2024-04"):
        store.land_candles("BTCUSDT", month, candles(datetime.strptime(month, "%Y-%m"), 2000))  # noqa: DTZ007
    store.update()
    with store.warehouse.connect() as connection:
        days = lake.sealable_days(connection)
    for day in days:
        lake.seal(store.warehouse, day)
    store.load_archive()
    views = ("mart.fact_price_minute", "mart.price_minute", "mart.fact_price_hour", "mart.price_hour")
    query = "from {} where date = date '2024-03-01' and pair_key = 1 order by all"
    before = [store.rows(query.format(view)) for view in views]
    assert [len(rows) for rows in before] == [1441, 1440, 25, 24]
    for path in store.warehouse.lake.glob("kline*/month=*/*.parquet"):
        if path.parent.name == "month=2023-02":
            path.write_bytes(b"no Parquet")
        elif path.parent.name != "month=2024-03":
            content = path.read_bytes()
            footer = int.from_bytes(content[-8:-4], "little") + 8
            path.write_bytes(content[:4] + bytes(len(content) - 4 - footer) + content[-footer:])
    assert [store.rows(query.format(view)) for view in views] == before
    for view in views:
        [(_, plan)] = store.rows(f"explain analyze {query.format(view)}")
        read = sorted(int(count) for count in re.findall(r"Total Files Read: (\d+)", plan))
        assert read == [1, 3], "one sealed day, and of the year of the candles the months' last pages"


# Checks


def findings_of(store: ArchiveStore, name: str) -> dict[str, int]:
    [rule] = [rule for rule in RULES if rule.name == name]
    with store.warehouse.connect() as connection:
        result = rule.evaluate(connection, "live")
    assert result.passed == ("failing_rows" not in result.metadata)
    return {row["open_at"]: row["pair_id"] for row in result.metadata["rows"].value} if not result.passed else {}  # type: ignore[union-attr]


def test_an_average_out_of_range_is_named_and_a_rounded_one_is_not(store: ArchiveStore) -> None:
    low = dict.fromkeys(("open", "high", "low", "close"), "0.00000123")
    rows: list[Candle | str] = [*candles(FIRST, 10)]
    rows[3] = Candle(FIRST + 3 * MINUTE).line(volume="0.30000000", quote_volume="0.00000034", trades=3, **low)
    store.land_candles("BTCUSDT", TODAY, rows)
    store.load_archive()
    assert findings_of(store, "average_in_range") == {}
    rows[5] = Candle(FIRST + 5 * MINUTE).line(volume="0.30000000", quote_volume="0.00000033", trades=3, **low)
    store.land_candles("BTCUSDT", TODAY, rows, retrieved_at="2026-03-01")
    store.load_archive()
    assert list(findings_of(store, "average_in_range")) == [str(FIRST + 5 * MINUTE)]
    [row] = store.records("from mart.fact_price_minute where minute_utc = $at", at=FIRST + 5 * MINUTE)
    assert row["average_price"] == 0.0000011, "it is shown as it is"
