"""The export: files equal to the tables, replaced as a whole or not at all."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from binance_assets.export import publish as publish_module
from binance_assets.export.publish import publish
from binance_assets.mart.tables import TABLES
from binance_assets.tables import Table
from binance_assets_tests.pipeline import HOUR, MINUTE, NOON, PAIRS, Pipeline

FILES = {f"{table.name.partition('.')[2]}.parquet": table for table in TABLES}


def filled(path: Path, source: str = "live") -> Pipeline:
    pipeline = Pipeline(path / source, source)  # type: ignore[arg-type]  # a literal by its value
    pipeline.land_info(PAIRS)
    for minute in (0, 1, 3):
        pipeline.land_prices({pair["symbol"]: "1.50000001" for pair in PAIRS}, NOON + minute * MINUTE)
    pipeline.update()
    return pipeline


def exported(pipeline: Pipeline, name: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    with duckdb.connect() as duck:
        rows = duck.read_parquet(str(pipeline.store.export / name))
        return rows.columns, rows.fetchall()


def contents(pipeline: Pipeline) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in pipeline.store.export.iterdir()}


def test_files_equal_the_tables(tmp_path: Path) -> None:
    pipeline = filled(tmp_path)
    published = {file.name: file for file in publish(pipeline.store)}
    assert published.keys() == FILES.keys()
    for name, table in FILES.items():
        columns, rows = exported(pipeline, name)
        assert columns == list(table.columns)
        assert sorted(map(repr, rows)) == sorted(map(repr, pipeline.rows(f"from {table.name}")))
        assert len(rows) == published[name].rows > 0
    manifest = json.loads((pipeline.store.export / "manifest.json").read_text(encoding="utf-8"))
    assert (manifest["source"], manifest["simulated"], manifest["notice"]) == ("live", False, None)
    assert {file["name"]: file["rows"] for file in manifest["files"]} == {
        name: file.rows for name, file in published.items()
    }


def test_prices_are_exact_decimals_and_instants_have_no_zone_in_the_files(tmp_path: Path) -> None:
    pipeline = filled(tmp_path)
    publish(pipeline.store)
    with duckdb.connect() as duck:
        for name, table in FILES.items():
            rows = duck.read_parquet(str(pipeline.store.export / name))
            types = dict(zip(rows.columns, (str(kind).lower().replace(",", ", ") for kind in rows.types), strict=True))
            assert types == {column: table.sql_type(column) for column in table.columns}


def test_a_fact_that_is_too_large_is_limited_to_its_newest_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline = Pipeline(tmp_path / "live")
    pipeline.land_info(PAIRS)
    windows = publish_module.WINDOWS
    assert windows.keys() == {"mart.fact_price", "mart.fact_price_minute", "mart.fact_price_hour"}
    ages = sorted({timedelta(0), *(age for window in windows.values() for age in (window / 2, window + HOUR))})
    for age in ages:
        pipeline.land_prices({"BTCUSDT": "1"}, NOON - age)
    pipeline.update()

    def published_ages(name: str) -> list[timedelta]:
        column, shown = {
            "mart.fact_price": ("observed_at", "true"),
            "mart.fact_price_minute": ("minute_utc", "not is_gap"),
            "mart.fact_price_hour": ("hour_utc", "observation_count > 0"),
        }[name]
        with duckdb.connect() as duck:
            rows = duck.read_parquet(str(pipeline.store.export / f"{name.partition('.')[2]}.parquet"))
            return sorted(NOON - at for (at,) in rows.filter(shown).select(column).fetchall())

    def ages_of(name: str) -> list[timedelta]:
        return [-(-age // HOUR) * HOUR for age in ages] if name == "mart.fact_price_hour" else ages

    publish(pipeline.store)
    for name in windows:
        assert published_ages(name) == ages_of(name), "a fact that is not large should be there as a whole"
    monkeypatch.setattr(publish_module, "WHOLE_UP_TO", 2)
    publish(pipeline.store)
    for name, window in windows.items():
        assert published_ages(name) == [age for age in ages_of(name) if age <= window]
    assert pipeline.rows("select count(*) from mart.fact_price") == [(len(ages),)], "the warehouse keeps all"


def test_a_reader_keeps_the_file_that_it_opened(tmp_path: Path) -> None:
    pipeline = filled(tmp_path)
    publish(pipeline.store)
    before = contents(pipeline)
    path = pipeline.store.export / "fact_price_latest.parquet"
    with path.open("rb") as reader:
        pipeline.land_prices({"BTCUSDT": "2"}, NOON + HOUR)
        pipeline.update()
        publish(pipeline.store)
        assert reader.read() == before[path.name]
    assert path.read_bytes() != before[path.name]


@pytest.mark.parametrize("failing", [TABLES[0], TABLES[-1]], ids=lambda table: table.name)
def test_a_failing_publish_leaves_the_last_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: Table
) -> None:
    pipeline = filled(tmp_path)
    publish(pipeline.store)
    before = contents(pipeline)
    pipeline.land_prices({"BTCUSDT": "2"}, NOON + HOUR)
    pipeline.update()
    write = publish_module._write

    def fail(connection: Any, store: Any, table: Table, folder: Path) -> Any:
        if table is failing:
            raise OSError("No space left on device")
        return write(connection, store, table, folder)

    monkeypatch.setattr(publish_module, "_write", fail)
    with pytest.raises(OSError, match="No space"):
        publish(pipeline.store)
    assert contents(pipeline) == before, "something of the failed export is there"


@pytest.mark.parametrize(("source", "simulated"), [("live", "false"), ("sandbox", "true")])
def test_every_file_says_whether_its_prices_are_real(tmp_path: Path, source: str, simulated: str) -> None:
    pipeline = filled(tmp_path, source)
    publish(pipeline.store)
    for name in FILES:
        with duckdb.connect() as duck:
            words = duck.execute(
                "select decode(key), decode(value) from parquet_kv_metadata(?)", [str(pipeline.store.export / name)]
            ).fetchall()
        assert {"source": source, "simulated": simulated}.items() <= dict(words).items()
    notice = json.loads((pipeline.store.export / "manifest.json").read_text(encoding="utf-8"))["notice"]
    assert (notice is not None and "SIMULATED" in notice) is (source == "sandbox")
