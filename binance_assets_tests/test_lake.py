"""Days that are sealed: nothing is lost, nothing doubled, and late data still finds its place."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from binance_assets import lake
from binance_assets.catalog import SEALED
from binance_assets.lake.retention import drop_landed_files
from binance_assets.raw.rebuild import rebuild
from binance_assets.sql import sql
from binance_assets_tests.pipeline import HOUR, MINUTE, NOON, PAIRS, SECOND, Pipeline, described

DAY = timedelta(days=1)


@pytest.fixture
def pipeline(tmp_path: Path) -> Pipeline:
    return Pipeline(tmp_path / "live")


def observe(pipeline: Pipeline, days: int) -> None:
    """Metadata, and minutes around every midnight and noon of some days, with a refused row and an unknown symbol."""
    pipeline.land_info(at=NOON - HOUR)
    samples = []
    for day in range(days):
        for start in (NOON + day * DAY - 12 * HOUR, NOON + day * DAY):
            for number in range(-2, 8):
                prices: list[Any] = [
                    {"symbol": "BTCUSDT", "price": f"{60000 + number}.5"},
                    {"symbol": "ETHBTC", "price": "0.05000000"},
                    {"symbol": "NEWUSDT", "price": "1.0"},
                ]
                if number == 3:
                    prices.append({"symbol": "BADUSDT", "price": "-1"})
                samples.append(pipeline.sampled(prices, start + number * 20 * SECOND))
    pipeline.land_minutes(samples)


def seal_all(pipeline: Pipeline) -> list[lake.Partition]:
    with pipeline.warehouse.connect() as connection:
        days = lake.sealable_days(connection)
    return [partition for day in days for partition in lake.seal(pipeline.warehouse, day)]


def facts(pipeline: Pipeline) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of the tables that span open and sealed days."""
    with pipeline.warehouse.connect() as connection:
        return {table.name: connection.rows(f"from {table.name} order by all") for table in SEALED}


def open_rows(pipeline: Pipeline, table: str) -> int:
    [(count,)] = pipeline.rows(f"select count(*) from open.{table}")
    return int(count)


def test_sealing_changes_nothing_that_is_read(pipeline: Pipeline) -> None:
    observe(pipeline, 3)
    pipeline.update()
    before = facts(pipeline)
    partitions = seal_all(pipeline)
    assert len({partition.day for partition in partitions}) >= 3
    assert {"price_history", "fact_price_minute", "capture", "quarantine", "price_without_metadata"} <= {
        partition.table for partition in partitions
    }
    assert open_rows(pipeline, "price_history") == 0
    assert pipeline.rows("select count(*) from raw.ticker_price") == [(0,)]
    assert facts(pipeline) == before
    assert list(pipeline.warehouse.lake.glob(".*")) == []


def test_every_sealed_table_is_dropped_from_its_open_one() -> None:
    statements = sql("lake/drop_open_rows.sql")
    assert all(f"delete from {table.open_name}\n" in statements for table in SEALED)


def test_a_day_stays_open_until_half_of_the_next_is_there(pipeline: Pipeline) -> None:
    observe(pipeline, 1)
    pipeline.update()
    with pipeline.warehouse.connect() as connection:
        connection.duck.execute("update meta.progress set landed_at = $at", {"at": NOON + DAY - SECOND})
        assert (NOON).date() not in lake.sealable_days(connection)
        connection.duck.execute("update meta.progress set landed_at = $at", {"at": NOON + DAY})
        assert (NOON).date() in lake.sealable_days(connection)


def test_late_data_opens_the_day_amends_it_and_it_is_sealed_again(pipeline: Pipeline, tmp_path: Path) -> None:
    observe(pipeline, 3)
    pipeline.update()
    seal_all(pipeline)
    pipeline.land_prices({"BTCUSDT": "1.0", "ETHUSDT": "2.5"}, NOON + DAY + 5 * SECOND)
    pipeline.update()
    assert open_rows(pipeline, "price_history") > 0
    amended = facts(pipeline)
    seal_all(pipeline)
    assert open_rows(pipeline, "price_history") == 0
    assert facts(pipeline) == amended

    at_once = Pipeline(tmp_path / "at once")
    observe(at_once, 3)
    at_once.land_prices({"BTCUSDT": "1.0", "ETHUSDT": "2.5"}, NOON + DAY + 5 * SECOND)
    at_once.update()
    expected = facts(at_once)
    for name in ("core.price_history", "mart.fact_price_minute", "core.price_without_metadata"):
        assert amended[name] == expected[name], name


def test_the_same_capture_again_changes_nothing_in_a_sealed_day(pipeline: Pipeline) -> None:
    observe(pipeline, 2)
    pipeline.update()
    before = facts(pipeline)
    seal_all(pipeline)
    pipeline.land_prices({"BTCUSDT": "60000.5"}, NOON + SECOND)
    pipeline.update()
    pipeline.land_prices({"BTCUSDT": "60000.5"}, NOON + SECOND)
    pipeline.update()
    seal_all(pipeline)
    assert len(facts(pipeline)["core.price_history"]) == len(before["core.price_history"]) + 1


def test_a_rebuild_gives_the_same_from_landing_and_from_the_lake(pipeline: Pipeline) -> None:
    observe(pipeline, 3)
    pipeline.update()
    before = facts(pipeline)
    tables = pipeline.tables()
    seal_all(pipeline)
    pipeline.rebuild()
    assert facts(pipeline) == before, "all from landing"
    seal_all(pipeline)
    [(file,)] = pipeline.rows("select min(file) from raw.capture where received_at >= $at", at=NOON + DAY)
    (pipeline.landing.path / file).unlink()
    pipeline.rebuild()
    assert facts(pipeline) == before, "one day from the lake"
    seal_all(pipeline)
    assert facts(pipeline) == before
    assert pipeline.tables()["meta.latest_price"] == tables["meta.latest_price"]


def test_refused_metadata_of_a_day_that_is_taken_over_is_there_once(pipeline: Pipeline) -> None:
    observe(pipeline, 3)
    pipeline.land_info([*PAIRS, {"symbol": "BADUSDT"}], NOON + DAY)
    pipeline.update()
    before = facts(pipeline)
    assert [row for row in before["raw.quarantine"] if "baseAsset" in row[-1] or "status" in row[-1]]
    seal_all(pipeline)
    [(file,)] = pipeline.rows(
        "select min(file) from raw.capture where received_at >= $at and endpoint = 'ticker/price'", at=NOON + DAY
    )
    (pipeline.landing.path / file).unlink()
    pipeline.rebuild()
    assert facts(pipeline) == before
    seal_all(pipeline)
    assert facts(pipeline) == before


def few_prices(pipeline: Pipeline, *symbols: str) -> None:
    """A snapshot on each of four days."""
    for day in range(4):
        pipeline.land_prices(dict.fromkeys(symbols, "1"), NOON + day * DAY)
    pipeline.update()


@pytest.mark.parametrize("is_halted", [False, True])
def test_refused_metadata_that_comes_late_opens_the_day_that_has_refused_rows(
    pipeline: Pipeline, is_halted: bool
) -> None:
    pipeline.land_info([PAIRS[0], 5], NOON - HOUR)
    few_prices(pipeline, "BTCUSDT")
    seal_all(pipeline)
    late = described("BTCUSDT", "BTC", "USDT", status="BREAK") if is_halted else PAIRS[0]
    pipeline.land_info([late, 6], NOON - 30 * MINUTE)
    pipeline.update()
    before = facts(pipeline)
    assert [row[-2] for row in before["raw.quarantine"]] == ["5", "6"]
    seal_all(pipeline)
    assert facts(pipeline) == before
    assert drop_landed_files(pipeline.warehouse, pipeline.landing, keep_days=1)
    for _ in range(2):
        pipeline.rebuild()
        assert facts(pipeline) == before


def test_a_partition_that_a_day_no_longer_has_is_not_taken_over(pipeline: Pipeline) -> None:
    pipeline.land_info(PAIRS[:1], NOON - HOUR)
    few_prices(pipeline, "BTCUSDT", "ETHUSDT")
    seal_all(pipeline)
    assert list(pipeline.warehouse.lake.glob("price_without_metadata/date=2024*/*"))
    pipeline.land_info(PAIRS, NOON - 30 * MINUTE)
    pipeline.update()
    before = facts(pipeline)
    seal_all(pipeline)
    assert not list(pipeline.warehouse.lake.glob("price_without_metadata/date=2024*/*"))
    assert drop_landed_files(pipeline.warehouse, pipeline.landing, keep_days=1)
    pipeline.rebuild()
    assert facts(pipeline) == before


def test_a_row_that_comes_while_a_day_is_sealed_keeps_it_open(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    observe(pipeline, 2)
    pipeline.update()
    merge = lake._merge

    def late(*arguments: Any) -> Path:
        pipeline.land_prices({"BTCUSDT": "7"}, NOON + MINUTE + SECOND)
        pipeline.update()
        return merge(*arguments)

    monkeypatch.setattr(lake, "_merge", late)
    with pytest.raises(lake.NotSealed, match="is not sealed: what was written"):
        lake.seal(pipeline.warehouse, NOON.date())
    monkeypatch.undo()
    before = facts(pipeline)
    seal_all(pipeline)
    assert facts(pipeline) == before


def test_one_pair_and_one_day_touch_one_partition(pipeline: Pipeline) -> None:
    observe(pipeline, 4)
    pipeline.update()
    seal_all(pipeline)
    for table, pair in (("core.price_history", "pair_id"), ("mart.fact_price_minute", "pair_key")):
        [(_, plan)] = pipeline.rows(
            f"explain analyze select count(*) from {table} where date = date '2024-03-01' and {pair} = 1"
        )
        assert "Total Files Read: 1 " in plan


def test_the_minutes_of_a_pair_lie_together(pipeline: Pipeline) -> None:
    observe(pipeline, 4)
    pipeline.update()
    seal_all(pipeline)
    [(rows, earlier)] = pipeline.rows("""
        select count(*), count(*) filter (place < place_before)
        from (
            select (pair_key, minute_utc) as place, lag(place) over (order by file_row_number) as place_before
            from read_parquet('lake/fact_price_minute/date=2024-03-01/data.parquet', file_row_number = true)
        )
    """)
    assert rows > 0
    assert earlier == 0


def test_a_day_of_long_refused_rows_is_sealed_within_the_memory(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the exchange changes how it describes a symbol: all are refused, with thousands of characters each."""
    pipeline.land_info(at=NOON - HOUR)
    for hour in range(3):
        rows = [{"symbol": f"BAD{number}", "price": "-1", "note": f"{number:>4000}"} for number in range(4000)]
        pipeline.land_prices(rows, NOON + hour * HOUR)
    pipeline.land_prices({"BTCUSDT": "1"}, NOON + 2 * DAY)
    pipeline.update()
    monkeypatch.setattr(lake, "_SORTING_MEMORY", "96MB")
    assert ("quarantine", 12_000) in {(partition.table, partition.rows) for partition in seal_all(pipeline)}


def test_landing_files_are_dropped_when_they_were_kept_long_enough_and_the_lake_replaces_them(
    pipeline: Pipeline,
) -> None:
    observe(pipeline, 5)
    pipeline.update()
    before = facts(pipeline)
    assert drop_landed_files(pipeline.warehouse, pipeline.landing, keep_days=1) == 0, "nothing is sealed yet"
    seal_all(pipeline)
    newest = max(day for (day,) in pipeline.rows("select date from meta.sealed_partition"))
    kept = {
        file
        for (file,) in pipeline.rows(
            "select file from raw.capture where date >= $day or endpoint = 'exchangeInfo'", day=newest - DAY
        )
    }
    dropped = drop_landed_files(pipeline.warehouse, pipeline.landing, keep_days=2)
    assert dropped > 0
    assert {file.name for file in pipeline.landing.files_after(None)} == kept
    assert drop_landed_files(pipeline.warehouse, pipeline.landing, keep_days=2) == 0, "the second time nothing is left"
    gaps = pipeline.rows("from mart.gap order by all")
    assert gaps
    pipeline.rebuild()
    seal_all(pipeline)
    assert facts(pipeline) == before
    assert pipeline.rows("from mart.gap order by all") == gaps


def test_a_landing_file_that_holds_something_of_an_open_day_is_kept(pipeline: Pipeline, tmp_path: Path) -> None:
    """A table that a user brought may span days; it goes when all of them are sealed."""
    pipeline.land_info(at=NOON - HOUR)
    last = NOON + 3 * DAY
    lines = [f"BTCUSDT,{number + 1},{(NOON + number * DAY).isoformat()}Z" for number in range(4)]
    table = pipeline.land_table(tmp_path / "prices.csv", lines)
    assert table
    pipeline.update()
    with pipeline.warehouse.connect() as connection:
        days = lake.sealable_days(connection)
    for day in days[:-1]:
        lake.seal(pipeline.warehouse, day)
    assert drop_landed_files(pipeline.warehouse, pipeline.landing, keep_days=1) == 0
    lake.seal(pipeline.warehouse, last.date())
    pipeline.land_prices({"BTCUSDT": "5"}, last + DAY)
    pipeline.update()
    seal_all(pipeline)
    assert drop_landed_files(pipeline.warehouse, pipeline.landing, keep_days=1) == 1
    assert not (pipeline.landing.path / table.name).exists()


def test_prices_of_a_sealed_day_move_when_their_metadata_comes(pipeline: Pipeline) -> None:
    observe(pipeline, 2)
    pipeline.update()
    seal_all(pipeline)
    waiting = pipeline.rows("select count(*) from core.price_without_metadata where symbol = 'NEWUSDT'")
    pipeline.land_info([*PAIRS, described("NEWUSDT", "NEW", "USDT")], NOON + 3 * DAY)
    pipeline.update()
    assert pipeline.rows("select count(*) from core.price_without_metadata where symbol = 'NEWUSDT'") == [(0,)]
    moved = pipeline.rows(
        "select count(*) from core.price_history inner join core.pair using (pair_id) where symbol = 'NEWUSDT'"
    )
    assert moved == waiting != [(0,)]
    seal_all(pipeline)
    before = facts(pipeline)
    pipeline.rebuild()
    assert facts(pipeline) == before


def test_a_missed_sample_that_comes_late_opens_its_day(pipeline: Pipeline) -> None:
    observe(pipeline, 2)
    pipeline.land_missed(NOON + 10 * SECOND)
    pipeline.update()
    seal_all(pipeline)
    pipeline.land_missed(NOON + 20 * SECOND, NOON + 10 * SECOND)
    pipeline.update()
    seal_all(pipeline)
    assert pipeline.rows("select due_at from raw.missed_sample order by all") == [
        (NOON + 10 * SECOND,),
        (NOON + 20 * SECOND,),
    ]


def test_a_day_that_brought_nothing_but_errors_survives_a_rebuild_from_the_lake(pipeline: Pipeline) -> None:
    pipeline.land_info(at=NOON - HOUR)
    pipeline.land_missed(*(NOON + number * 10 * SECOND for number in range(6)))
    pipeline.land_prices({"BTCUSDT": "1"}, NOON + 2 * DAY)
    pipeline.land_prices({"BTCUSDT": "1"}, NOON + 4 * DAY)
    pipeline.update()
    seal_all(pipeline)
    before, gaps = facts(pipeline), pipeline.rows("from mart.gap order by all")
    assert drop_landed_files(pipeline.warehouse, pipeline.landing, keep_days=1)
    pipeline.rebuild()
    assert facts(pipeline)["raw.missed_sample"] == before["raw.missed_sample"]
    assert pipeline.rows("from mart.gap order by all") == gaps


def test_a_rebuild_after_a_kill_in_the_middle_of_placing_a_day_again(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The landing files of the day are gone; some of its partitions are of the second sealing, some of the first."""
    observe(pipeline, 4)
    pipeline.update()
    seal_all(pipeline)
    drop_landed_files(pipeline.warehouse, pipeline.landing, keep_days=1)
    pipeline.land_prices({"BTCUSDT": "9"}, NOON + 5 * SECOND)
    pipeline.update()
    before = facts(pipeline)

    def killed(folder: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(lake, "sync", lambda path: killed(path) if path.name.startswith("date=") else None)
    with pytest.raises(KeyboardInterrupt):
        lake.seal(pipeline.warehouse, NOON.date())
    monkeypatch.undo()
    pipeline.rebuild()
    assert facts(pipeline)["core.price_history"] == before["core.price_history"]
    assert list(pipeline.warehouse.lake.glob(".commit-*")) == []


def test_a_rebuild_replaces_a_warehouse_that_was_killed(pipeline: Pipeline) -> None:
    """A killed process leaves a write-ahead log, which belongs to the file that the rebuild replaces."""
    observe(pipeline, 1)
    pipeline.update()
    before = facts(pipeline)
    log = pipeline.warehouse.path.with_name("warehouse.duckdb.wal")
    with pipeline.warehouse.connect() as connection:
        connection.duck.execute("create table main.left_over as from range(10)")
        left = log.read_bytes()
    log.write_bytes(left)
    rebuild(pipeline.warehouse, pipeline.landing)
    assert not log.exists()
    pipeline.update()
    assert facts(pipeline) == before
