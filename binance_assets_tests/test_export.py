"""The export: what is in the files, and that they are replaced as a whole or not at all."""

import csv
import hashlib
import json
import os
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from binance_assets import lake
from binance_assets.export import contract, versions
from binance_assets.export import publish as publish_module
from binance_assets.export.publish import publish
from binance_assets.export.selection import Scope
from binance_assets.export.versions import current
from binance_assets.home import Home
from binance_assets.settings import SettingsError, load_settings
from binance_assets.tables import COINMARKETCAP, Table
from binance_assets_tests.klines import ArchiveStore, candles
from binance_assets_tests.pipeline import HOUR, MINUTE, NOON, PAIRS, SECOND, Pipeline

DAY = timedelta(days=1)
EVERYTHING = Scope(watch_list=("*",), days=10_000, coinmarketcap=True)


def filled(path: Path, source: str = "live") -> Pipeline:
    pipeline = Pipeline(path / source, source)  # type: ignore[arg-type]  # a literal by its value
    pipeline.land_info(PAIRS)
    for minute in (0, 1, 3):
        pipeline.land_prices({pair["symbol"]: "1.50000001" for pair in PAIRS}, NOON + minute * MINUTE)
    pipeline.update()
    return pipeline


def exported(pipeline: Pipeline, query: str) -> list[tuple[Any, ...]]:
    """The rows of a query with the names of files in it, such as ``from 'dim_pair.parquet'``."""
    with duckdb.connect(config={"file_search_path": str(pipeline.store.export)}) as duck:
        return duck.execute(query).fetchall()


def contents(pipeline: Pipeline) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in pipeline.store.export.iterdir() if path.is_file()}


def manifest(pipeline: Pipeline) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((pipeline.store.export / "manifest.json").read_text(encoding="utf-8"))
    return read


def as_exported(table: Table, row: tuple[Any, ...]) -> list[Any]:
    """A row of the warehouse, in plain Python, as the contract says that it is exported."""
    cells: list[Any] = []
    for (name, _), value in zip(table.columns.items(), row, strict=True):
        if name == "date" and "date_key" in table.columns:
            continue
        if table.sql_type(name).startswith("decimal"):
            cells += [None, None] if value is None else [float(value), f"{value:f}"]
        else:
            cells.append(value)
    return cells


def test_files_hold_what_the_tables_hold(tmp_path: Path) -> None:
    pipeline = filled(tmp_path)
    published = {file.name: file for file in publish(pipeline.store, EVERYTHING)}
    for name, table in contract.STAR.items():
        expected = sorted(repr(as_exported(table, row)) for row in pipeline.rows(f"from {table.name}"))
        assert sorted(repr(list(row)) for row in exported(pipeline, f"from '{name}.parquet'")) == expected
        assert len(expected) == published[f"{name}.parquet"].rows
        with duckdb.connect(pipeline.store.export / "binance.duckdb", read_only=True) as duck:
            assert sorted(repr(list(row)) for row in duck.execute(f"from {name}").fetchall()) == expected
    assert published["fact_price_minute.parquet"].rows > 0


def test_types_are_those_of_the_contract_in_every_format(tmp_path: Path) -> None:
    pipeline = filled(tmp_path)
    publish(pipeline.store)
    for name, table in contract.TABLES.items():
        promised = [(column.name, column.type) for column in contract.columns(table)]
        described = exported(pipeline, f"select column_name, column_type from (describe from '{name}.parquet')")
        assert described == promised
        with duckdb.connect(pipeline.store.export / "binance.duckdb", read_only=True) as duck:
            assert [row[:2] for row in duck.execute(f"describe {name}").fetchall()] == promised
    allowed = {"INTEGER", "BIGINT", "DOUBLE", "BOOLEAN", "VARCHAR", "DATE", "TIMESTAMP"}
    assert {column.type for table in contract.TABLES.values() for column in contract.columns(table)} <= allowed
    formats = exported(pipeline, "select distinct compression from parquet_metadata('fact_*.parquet')")
    assert formats == [("SNAPPY",)]


def test_a_price_is_a_double_and_its_exact_text(tmp_path: Path) -> None:
    pipeline = Pipeline(tmp_path / "live")
    pipeline.land_info(PAIRS)
    prices = {"BTCUSDT": "99999999.99999999", "ETHBTC": "0.00000001", "ETHUSDT": "9999999999.99999999", "USDTTRY": "7"}
    pipeline.land_prices(prices)
    pipeline.update()
    publish(pipeline.store)
    rows = exported(
        pipeline,
        "select symbol, price, price_text from 'fact_price_latest.parquet' join 'dim_pair.parquet' using (pair_key)",
    )
    for symbol, price, text in rows:
        assert text == f"{Decimal(prices[symbol]):.8f}"
        if symbol != "ETHUSDT":
            assert f"{price:.8f}" == text, "within the range that is promised, the double says the same"


def test_the_manifest_describes_every_file(tmp_path: Path) -> None:
    pipeline = filled(tmp_path)
    publish(pipeline.store)
    found = manifest(pipeline)
    assert (found["source"], found["simulated"], found["notice"]) == ("live", False, None)
    assert found["contract_version"] == contract.VERSION
    assert found["data_until"] == f"{(NOON + 3 * MINUTE).isoformat()}Z"
    files = {file["name"]: file for file in found["files"]}
    assert {*files, "manifest.json"} == contents(pipeline).keys()
    for name, content in contents(pipeline).items():
        if name != "manifest.json":
            assert (files[name]["bytes"], files[name]["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
    prices = files["fact_price.parquet"]
    assert (prices["window"]["first"], prices["window"]["last"]) == (
        f"{NOON.isoformat()}Z",
        f"{(NOON + 3 * MINUTE).isoformat()}Z",
    )
    [price] = [column for column in prices["columns"] if column["name"] == "price"]
    assert (price["type"], price["unit"], price["nullable"]) == ("DOUBLE", "quote currency", False)
    assert price["description"]
    held = {table["name"]: table["rows"] for table in files["binance.duckdb"]["tables"]}
    assert held == {name: files[f"{name}.parquet"]["rows"] for name in contract.TABLES}
    with duckdb.connect(pipeline.store.export / "binance.duckdb", read_only=True) as duck:
        [about] = duck.execute("select source, simulated, data_until from publication").fetchall()
    assert about == ("live", False, NOON + 3 * MINUTE)


def test_data_goes_up_to_the_newest_price_or_candle(tmp_path: Path) -> None:
    """The candle's minute, also where its pair is not on the watch list, so that the files have its hour only."""
    store = ArchiveStore(tmp_path / "live")
    store.land_info(PAIRS)
    store.update()

    def add_candles(since: datetime) -> None:
        store.land_candles("ETHUSDT", f"{since:%Y-%m-%d}", candles(since, 90))
        store.load_archive()
        store.update()
        publish(store.store, Scope(watch_list=("BTCUSDT",)))

    add_candles(NOON - DAY)
    assert exported(store, "from 'fact_price_minute.parquet'") == []
    assert manifest(store)["data_until"] == f"{(NOON - DAY + 89 * MINUTE).isoformat()}Z"
    store.land_prices({"BTCUSDT": "2"})
    store.update()
    publish(store.store)
    assert manifest(store)["data_until"] == f"{NOON.isoformat()}Z"
    add_candles(NOON + DAY)
    assert manifest(store)["data_until"] == f"{(NOON + DAY + 89 * MINUTE).isoformat()}Z"
    assert exported(store, "select data_until, sampled_until from 'publication.parquet'") == [
        (NOON + DAY + 89 * MINUTE, NOON)
    ]


def test_the_market_was_sampled_up_to_the_last_sample_that_failed_also_if_that_day_is_sealed(tmp_path: Path) -> None:
    pipeline = Pipeline(tmp_path / "live")
    pipeline.land_info(PAIRS)
    pipeline.land_missed(NOON)
    pipeline.update()
    publish(pipeline.store)
    assert manifest(pipeline)["sampled_until"] == f"{(NOON + 10 * SECOND).isoformat()}Z"
    pipeline.land_prices({"BTCUSDT": "1"}, NOON + MINUTE)
    pipeline.land_missed(NOON + HOUR)
    pipeline.land_prices({"BTCUSDT": "1"}, NOON + 3 * DAY, source="import")
    pipeline.update()
    with pipeline.warehouse.connect() as connection:
        [day, *_] = lake.sealable_days(connection)
    assert day == NOON.date()
    lake.seal(pipeline.warehouse, day)
    publish(pipeline.store)
    assert manifest(pipeline)["sampled_until"] == f"{(NOON + HOUR + 10 * SECOND).isoformat()}Z"


def test_minutes_are_those_of_the_watch_list_and_prices_those_of_the_newest_hour(tmp_path: Path) -> None:
    pipeline = Pipeline(tmp_path / "live")
    pipeline.land_info(PAIRS)
    ages = [timedelta(0), HOUR, 2 * HOUR, 2 * DAY, 3 * DAY, 9 * DAY]
    for age in sorted(ages, reverse=True):
        pipeline.land_prices({"BTCUSDT": "1", "ETHBTC": "1", "XRPTRY": "1"}, NOON - age)
    pipeline.update()

    def ages_of(table: str, column: str, shown: str) -> dict[str, list[timedelta]]:
        rows = exported(
            pipeline,
            f"select symbol, list({column} order by {column} desc) from '{table}.parquet' "
            f"join 'dim_pair.parquet' using (pair_key) where {shown} group by symbol",
        )
        return {symbol: [NOON - at for at in instants] for symbol, instants in rows}

    everyone = ("BTCUSDT", "ETHBTC", "XRPTRY")
    publish(pipeline.store, Scope(watch_list=("BTCUSDT", "XRPTRY", "NOSUCHPAIR"), days=2))
    observed = ("minute_utc", "not is_gap")
    assert ages_of("fact_price_minute", *observed) == dict.fromkeys(("BTCUSDT", "XRPTRY"), ages[:4])
    assert ages_of("fact_price", "observed_at", "true") == dict.fromkeys(everyone, ages[:2])
    assert ages_of("fact_price_hour", "hour_utc", "observation_count > 0") == dict.fromkeys(everyone, ages)
    publish(pipeline.store, Scope(watch_list=("*",), days=3))
    assert ages_of("fact_price_minute", *observed) == dict.fromkeys(everyone, ages[:5])
    publish(pipeline.store, Scope(watch_list=("NOSUCHPAIR",)))
    assert ages_of("fact_price_minute", *observed) == {}


def test_the_settings_say_what_is_published(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Scope.of(load_settings()) == Scope()
    assert "BTCUSDT" in Scope().watch_list
    monkeypatch.setenv("BINANCE_WATCH_LIST", " ethbtc, BTCUSDT,,ETHBTC")
    monkeypatch.setenv("BINANCE_EXPORT_DAYS", "30")
    monkeypatch.setenv("BINANCE_PUBLISH_COINMARKETCAP", "true")
    assert Scope.of(load_settings()) == Scope(("ETHBTC", "BTCUSDT"), 30, True)
    for name, value in {"BINANCE_WATCH_LIST": " , ", "BINANCE_EXPORT_DAYS": "0"}.items():
        monkeypatch.setenv(name, value)
        with pytest.raises(SettingsError, match=name):
            load_settings()


def test_a_store_without_data_has_an_export_without_rows(tmp_path: Path) -> None:
    pipeline = Pipeline(tmp_path / "live")
    pipeline.load()
    publish(pipeline.store)
    assert exported(pipeline, "from 'fact_price_minute.parquet'") == []
    assert manifest(pipeline)["data_until"] is None


# Tables too large to be written every time


def test_a_large_table_is_written_once_a_day_and_taken_over_in_between(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sealed days and open rows alike; binance.duckdb has its newest days, and is always new."""
    pipeline = Pipeline(tmp_path / "live")
    pipeline.land_info(PAIRS, NOON - DAY)
    prices = [{"BTCUSDT": f"{number + 1}", "ETHBTC": "1"} for number in range(60)]
    pipeline.landing.land_minute([pipeline.sampled(it, NOON + number * HOUR) for number, it in enumerate(prices)])
    pipeline.update()
    with pipeline.warehouse.connect() as connection:
        days = lake.sealable_days(connection)
    for day in days[:2]:
        lake.seal(pipeline.warehouse, day)
    scope = Scope(days=1)
    publish(pipeline.store, scope)
    before = sorted(map(repr, exported(pipeline, "from 'fact_price_hour.parquet'")))
    assert len(before) == 120

    monkeypatch.setattr(publish_module, "WHOLE_UP_TO", 100)
    publish(pipeline.store, scope)
    assert sorted(map(repr, exported(pipeline, "from 'fact_price_hour.parquet'"))) == before
    taken_over = (pipeline.store.export / "fact_price_hour.parquet").stat()
    pipeline.land_prices({"BTCUSDT": "1", "ETHBTC": "1"}, NOON + 60 * HOUR)
    pipeline.update()
    publish(pipeline.store, scope)
    again = (pipeline.store.export / "fact_price_hour.parquet").stat()
    assert (again.st_ino, again.st_nlink) == (taken_over.st_ino, 3)
    [(newest,)] = exported(pipeline, "select max(observed_at) from 'fact_price_latest.parquet'")
    assert newest == NOON + 60 * HOUR
    with duckdb.connect(pipeline.store.export / "binance.duckdb", read_only=True) as duck:
        [(first, last, rows)] = duck.execute(
            "select min(hour_utc), max(hour_utc), count(*) from fact_price_hour"
        ).fetchall()
    assert (last - first, rows) == (DAY, 50)
    [database] = [file for file in manifest(pipeline)["files"] if file["name"] == "binance.duckdb"]
    [held] = [table for table in database["tables"] if table["name"] == "fact_price_hour"]
    assert (held["rows"], held["window"]["limited_to"]) == (50, "the newest 1 days")

    path = current(pipeline.store.export)
    assert path
    described = json.loads((path / "manifest.json").read_text(encoding="utf-8"))
    for file in described["files"]:
        file["written_at"] = "2024-03-01T23:59:59Z"
    (path / "manifest.json").write_text(json.dumps(described), encoding="utf-8")
    publish(pipeline.store, scope)
    assert exported(pipeline, "select count(*) from 'fact_price_hour.parquet'") == [(122,)], "it is another day"


def test_a_large_file_of_another_contract_or_scope_is_not_taken_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publish_module, "WHOLE_UP_TO", 1)
    pipeline = filled(tmp_path)

    def inode() -> int:
        return (pipeline.store.export / "fact_price_hour.parquet").stat().st_ino

    publish(pipeline.store)
    first = inode()
    publish(pipeline.store)
    assert inode() == first
    publish(pipeline.store, Scope(coinmarketcap=True))
    second = inode()
    assert second != first
    path = pipeline.store.export / "manifest.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"price_sum"', '"sum_of_prices"'), encoding="utf-8")
    publish(pipeline.store, Scope(coinmarketcap=True))
    assert inode() != second


# What belongs to CoinMarketCap


def test_coinmarketcaps_own_data_is_published_only_if_that_is_switched_on(tmp_path: Path) -> None:
    pipeline = filled(tmp_path)
    with pipeline.warehouse.transaction() as connection:
        connection.rows(
            "update mart.dim_currency set sectors = 'DeFi', primary_sector = 'DeFi', coinmarketcap_id = 4711, "
            "sector_provider = case code when 'BTC' then 'coinmarketcap' when 'ETH' then 'curated' end"
        )
        connection.rows(
            "update mart.dim_pair set primary_sector = 'DeFi', "
            "sector_provider = case base_code when 'BTC' then 'coinmarketcap' when 'ETH' then 'curated' end"
        )
        connection.rows("delete from mart.bridge_currency_category")
        connection.rows("delete from mart.dim_category")
        connection.rows(
            "insert into mart.dim_category by name select 1 as category_key, 'curated' as provider, 'DeFi' as name "
            "union all by name select 9 as category_key, 'coinmarketcap' as provider, 'Canary' as name"
        )
        connection.rows(
            "insert into mart.bridge_currency_category by name "
            "select currency_key, category_key, date '2024-01-01' as valid_from, date '9999-12-31' as valid_to "
            "from mart.dim_currency, mart.dim_category"
        )
    currencies = len(pipeline.rows("from mart.dim_currency"))

    publish(pipeline.store)
    shown = "select code, sectors, primary_sector, sector_provider, coinmarketcap_id from 'dim_currency.parquet'"
    assert {row[0]: row[1:] for row in exported(pipeline, shown)}.items() >= {
        "BTC": (None, None, None, None),
        "ETH": ("DeFi", "DeFi", "curated", None),
    }.items()
    pairs = (
        "select symbol, primary_sector, sector_provider from 'dim_pair.parquet' where symbol in ('BTCUSDT', 'ETHBTC')"
    )
    assert sorted(exported(pipeline, pairs)) == [("BTCUSDT", None, None), ("ETHBTC", "DeFi", "curated")]
    assert exported(pipeline, "select provider from 'dim_category.parquet'") == [("curated",)]
    assert exported(pipeline, "select count(*) from 'bridge_currency_category.parquet'") == [(currencies,)]
    for name, content in contents(pipeline).items():
        assert b"Canary" not in content, f"{name} has CoinMarketCap's name of a category"
        assert b"4711" not in content or not name.endswith(".csv")

    publish(pipeline.store, Scope(coinmarketcap=True))
    assert ("BTC", "DeFi", "DeFi", "coinmarketcap", 4711) in exported(pipeline, shown)
    assert exported(pipeline, "select count(*) from 'bridge_currency_category.parquet'") == [(2 * currencies,)]


def test_all_that_names_coinmarketcap_as_its_provider_is_declared_so() -> None:
    for table in contract.TABLES.values():
        if "provider" in table.columns:
            assert table.provider_column == "provider", table.name
        for name, column in table.columns.items():
            if COINMARKETCAP in name or name in {"sectors", "primary_sector", "sector_provider"}:
                assert table.properties(name).get("licensed"), f"{table.name}.{name}"
                assert column.nullable, "it will be emptied"


# CSV


def test_csv_is_for_spreadsheets(tmp_path: Path) -> None:
    pipeline = filled(tmp_path)
    texts = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\uff1d1", "币安人生", 'a,"b"\nc', "a=1", "'x", ""]
    texts.append("a;=1")  # two cells where the comma is the decimal sign
    with pipeline.warehouse.transaction() as connection:
        keys = connection.rows("select currency_key from mart.dim_currency order by currency_key")
        connection.rows("delete from mart.dim_currency")
        for (key,), text in zip([*keys, *((1000 + n,) for n in range(len(texts)))], texts, strict=False):
            connection.rows(
                "insert into mart.dim_currency by name "
                "select $key as currency_key, $text || $key as code, $text as name, 'crypto' as asset_type",
                key=key,
                text=text,
            )
    publish(pipeline.store)
    content = (pipeline.store.export / "dim_currency.csv").read_bytes()
    assert content.startswith(b"\xef\xbb\xbf"), "Excel takes it for another encoding without"
    with (pipeline.store.export / "dim_currency.csv").open(encoding="utf-8-sig", newline="") as stream:
        names = [row["name"] for row in csv.DictReader(stream)]
    run = {"=", "+", "-", "@", "\t", "\r", "\n", "\uff1d"}
    assert names == [f"'{text}" if text[:1] in run else text.replace(";=", ";'=") for text in texts]
    with (pipeline.store.export / "fact_price_latest.csv").open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert {row["observed_at"] for row in rows} == {"2024-03-01 12:03:00"}
    assert {(float(row["price"]), row["price_text"]) for row in rows} == {(1.50000001, "1.50000001")}
    assert {path.name for path in pipeline.store.export.glob("*.csv")} == {
        f"{name}.csv" for name in contract.SPREADSHEETS
    }


# Replaced at once


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


@pytest.mark.parametrize("failing", ["dim_currency", "gap"])
def test_a_failing_publish_leaves_the_last_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str) -> None:
    pipeline = filled(tmp_path)
    publish(pipeline.store)
    before = contents(pipeline)
    pipeline.land_prices({"BTCUSDT": "2"}, NOON + HOUR)
    pipeline.update()
    copy = publish_module._copy

    def fail(connection: Any, rows: Any, store: Any, table: Table, *others: Any) -> None:
        if table.bare_name == failing:
            raise OSError("No space left on device")
        copy(connection, rows, store, table, *others)

    monkeypatch.setattr(publish_module, "_copy", fail)
    with pytest.raises(OSError, match="No space"):
        publish(pipeline.store)
    assert contents(pipeline) == before, "something of the failed export is there"
    assert {path.name for path in pipeline.store.export.glob(".*")} == {".versions", ".current"}


def test_versions_stay_for_a_while_and_then_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline = filled(tmp_path)
    publish(pipeline.store)
    first = current(pipeline.store.export)
    assert first
    os.utime(first, (0, 0))  # it was made long ago, and is replaced now
    publish(pipeline.store)
    assert first.exists()
    abandoned = first.with_name("killed")
    abandoned.mkdir()
    monkeypatch.setattr(versions, "KEPT", timedelta(0))
    publish(pipeline.store)
    assert list(first.parent.iterdir()) == [current(pipeline.store.export)]


def test_files_that_go_are_taken_away_and_those_of_others_stay(tmp_path: Path) -> None:
    pipeline = filled(tmp_path)
    export = pipeline.store.export
    export.mkdir()
    (export / "dashboard.html").write_text("somebody else's", encoding="utf-8")
    (export / "dim_pair.parquet").write_text("of an earlier version of this project", encoding="utf-8")
    with versions.new_version(export, "an older contract") as folder:
        (folder / "dim_asset.parquet").touch()
    assert (export / "dim_asset.parquet").exists()
    publish(pipeline.store)
    assert not os.path.lexists(export / "dim_asset.parquet")
    assert (export / "dashboard.html").read_text(encoding="utf-8") == "somebody else's"
    assert (export / "dim_pair.parquet").read_bytes().startswith(b"PAR1")


@pytest.mark.parametrize(("source", "simulated"), [("live", "false"), ("sandbox", "true")])
def test_every_file_says_whether_its_prices_are_real(tmp_path: Path, source: str, simulated: str) -> None:
    pipeline = filled(tmp_path, source)
    publish(pipeline.store)
    for name in contract.TABLES:
        words = exported(pipeline, f"select decode(key), decode(value) from parquet_kv_metadata('{name}.parquet')")
        assert {"source": source, "simulated": simulated}.items() <= dict(words).items()
    with duckdb.connect(pipeline.store.export / "binance.duckdb", read_only=True) as duck:
        assert duck.execute("select source, simulated from publication").fetchall() == [(source, simulated == "true")]
    notice = manifest(pipeline)["notice"]
    assert (notice is not None and "SIMULATED" in notice) is (source == "sandbox")
    with (pipeline.store.export / "publication.csv").open(encoding="utf-8-sig", newline="") as stream:
        [said] = csv.DictReader(stream)
    assert (said["source"], said["simulated"], said["notice"]) == (source, simulated, notice or "")
    with (pipeline.store.export / "fact_price_latest.csv").open(encoding="utf-8-sig", newline="") as stream:
        assert {row["source"] for row in csv.DictReader(stream)} == {source}, "a price by itself says it, too"
