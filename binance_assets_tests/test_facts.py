"""The view of all prices, the newest price of every pair, and the dimensions."""

from decimal import Decimal
from pathlib import Path

import pytest

from binance_assets_tests.pipeline import HOUR, MINUTE, NOON, PAIRS, SECOND, Pipeline, described


@pytest.fixture
def pipeline(tmp_path: Path) -> Pipeline:
    return Pipeline(tmp_path / "live")


def test_a_price_is_stale_by_the_status_of_its_time(pipeline: Pipeline) -> None:
    """The status that was first known also counts for the time before it."""
    for hours, status in ((1, "TRADING"), (2, "BREAK"), (3, "TRADING")):
        pipeline.land_info([described("BTCUSDT", "BTC", "USDT", status)], NOON + hours * HOUR)
    for half_hours in range(1, 8):
        pipeline.land_prices({"BTCUSDT": "1"}, NOON + half_hours * HOUR / 2)
    pipeline.update()
    stale = pipeline.rows("select is_stale from mart.fact_price order by observed_at")
    assert [is_stale for (is_stale,) in stale] == [False, False, False, True, True, False, False]


def test_fact_price_is_keyed_for_the_star(pipeline: Pipeline) -> None:
    pipeline.land_info(PAIRS)
    pipeline.land_prices({"BTCUSDT": "1", "ETHUSDT": "2"}, NOON + 61 * MINUTE)
    pipeline.update()
    rows = pipeline.rows(
        "select symbol, date_utc::varchar, time_of_day, price from mart.fact_price "
        "inner join mart.dim_pair using (pair_key) inner join mart.dim_date using (date_key) "
        "inner join mart.dim_time using (time_key) order by symbol"
    )
    assert rows == [("BTCUSDT", "2024-03-01", "13:01", 1), ("ETHUSDT", "2024-03-01", "13:01", 2)]


def test_the_latest_price_is_the_newest_by_time_not_by_landing(pipeline: Pipeline) -> None:
    pipeline.land_info(PAIRS)
    pipeline.land_prices({"BTCUSDT": "2", "ETHUSDT": "9"}, NOON + MINUTE)
    pipeline.update()
    pipeline.land_prices({"BTCUSDT": "1"}, NOON)
    pipeline.land_prices({"BTCUSDT": "3"}, NOON + 2 * MINUTE, source="import")
    pipeline.update()
    latest = pipeline.rows(
        "select symbol, price, observed_at, source from mart.fact_price_latest "
        "inner join mart.dim_pair using (pair_key) order by symbol"
    )
    assert latest == [("BTCUSDT", 3, NOON + 2 * MINUTE, "import"), ("ETHUSDT", 9, NOON + MINUTE, "live")]


def test_ranks_leave_stale_prices_out_and_follow_the_price_within_a_quote(pipeline: Pipeline) -> None:
    prices = {"A": "5", "B": "70000.5", "C": "0.00000123", "D": "5", "HALTED": "999999"}
    symbols = [described(f"{base}USDT", base, "USDT") for base in "ABCD"]
    symbols += [described("HALTEDUSDT", "HALTED", "USDT", "BREAK"), described("ATRY", "A", "TRY")]
    pipeline.land_info(symbols)
    pipeline.land_prices({f"{base}USDT": price for base, price in prices.items()} | {"ATRY": "1"})
    pipeline.update()
    rows = pipeline.rows(
        "select symbol, price_rank_in_quote, is_stale, price_band, price_band_order "
        "from mart.fact_price_latest inner join mart.dim_pair using (pair_key) order by symbol"
    )
    assert rows == [
        ("ATRY", 1, False, "1 to 10", 0),
        ("AUSDT", 2, False, "1 to 10", 0),
        ("BUSDT", 1, False, "10000 to 100000", 4),
        ("CUSDT", 4, False, "0.000001 to 0.00001", -6),
        ("DUSDT", 2, False, "1 to 10", 0),
        ("HALTEDUSDT", None, True, "100000 to 1000000", 5),
    ]
    top = pipeline.records("mart/highest_priced.sql", quote="USDT", top=2)
    assert [row["symbol"] for row in top] == ["BUSDT", "AUSDT"]


@pytest.mark.parametrize(
    ("price", "order"), [("0.00000001", -8), ("0.1", -1), ("0.99999999", -1), ("1", 0), ("1000", 3), ("9999999999", 9)]
)
def test_the_price_band_is_the_decade(pipeline: Pipeline, price: str, order: int) -> None:
    pipeline.land_info(PAIRS)
    pipeline.land_prices({"BTCUSDT": price})
    pipeline.update()
    [(band, band_order)] = pipeline.rows("select price_band, price_band_order from mart.fact_price_latest")
    low, high = (Decimal(bound) for bound in band.split(" to "))
    assert low <= Decimal(price) < high
    assert band_order == order


def test_a_price_that_has_not_moved_for_a_day_is_stale(pipeline: Pipeline) -> None:
    pipeline.land_info(PAIRS)
    for hours in range(0, 49, 2):
        moving = {"BTCUSDT": str(1000 + hours), "ETHUSDT": "2"}
        late = {"ETHBTC": "3"} if hours > 40 else {}
        pipeline.land_prices(moving | late, NOON + hours * HOUR)
    pipeline.update()
    stale = pipeline.rows(
        "select symbol, is_stale from mart.fact_price_latest inner join mart.dim_pair using (pair_key) order by symbol"
    )
    assert stale == [("BTCUSDT", False), ("ETHBTC", False), ("ETHUSDT", True)]


def test_the_calendar_reaches_to_the_end_of_the_newest_year_and_is_right(pipeline: Pipeline) -> None:
    pipeline.land_info(PAIRS, NOON - SECOND)
    pipeline.update()
    dates = {row["date_key"]: row for row in pipeline.records("from mart.dim_date order by date_key")}
    assert min(dates) == 20170101
    assert max(dates) % 10000 == 1231
    for row in dates.values():
        day = row["date_utc"]
        assert row["date_key"] == int(f"{day:%Y%m%d}")
        assert (row["year"], row["month"], row["day_of_month"]) == (day.year, day.month, day.day)
        assert (row["iso_week"], row["iso_weekday"]) == day.isocalendar()[1:]
        assert row["quarter"] == (day.month + 2) // 3
        assert (row["month_name"], row["weekday_name"]) == (f"{day:%B}", f"{day:%A}")
        assert row["is_weekend"] == (day.isoweekday() > 5)
    times = pipeline.rows("select time_key, time_of_day, hour, minute from mart.dim_time order by time_key")
    assert times == [(n, f"{n // 60:02d}:{n % 60:02d}", n // 60, n % 60) for n in range(1440)]
