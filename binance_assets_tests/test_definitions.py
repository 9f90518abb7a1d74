"""What Dagster loads, and that the tables of a new warehouse are what their declarations say."""

import subprocess
import sys
from importlib import resources
from pathlib import Path

import dagster as dg
import pytest
import yaml

from binance_assets.assets import column_schema
from binance_assets.catalog import TABLES
from binance_assets.definitions import defs
from binance_assets.home import Home
from binance_assets.tables import Table
from binance_assets.warehouse import Warehouse, WarehouseError
from binance_assets_tests.pipeline import ROOT

TABLE_ASSETS = [table for table in TABLES if table.layer != "meta"]
SPECS = {spec.key.to_user_string(): spec for spec in defs.resolve_all_asset_specs()}


def test_definitions_are_loadable() -> None:
    dg.Definitions.validate_loadable(defs)


def test_definitions_load_in_a_fresh_process_without_a_warning() -> None:
    loading = (
        "from binance_assets.definitions import defs; import dagster as dg; dg.Definitions.validate_loadable(defs)"
    )
    loaded = subprocess.run(
        [sys.executable, "-W", "error", "-c", loading],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (loaded.returncode, loaded.stderr) == (0, "")


@pytest.mark.parametrize("name", sorted(SPECS))
def test_an_asset_says_what_it_is_and_whose(name: str) -> None:
    spec = SPECS[name]
    assert spec.description
    assert spec.owners
    assert spec.group_name == name.partition("/")[0]
    assert spec.kinds


def test_every_table_is_an_asset_and_nothing_hangs_in_the_air() -> None:
    assert {"/".join(table.asset_path) for table in TABLE_ASSETS} <= SPECS.keys()
    graph = defs.resolve_asset_graph()
    assert graph.materializable_asset_keys == graph.get_all_asset_keys(), "something depends on what nobody makes"


@pytest.mark.parametrize("table", TABLE_ASSETS, ids=lambda table: table.name)
def test_a_table_shows_its_columns_and_has_a_blocking_check(table: Table) -> None:
    spec = SPECS["/".join(table.asset_path)]
    schema = spec.metadata["dagster/column_schema"]
    assert schema == column_schema(table)
    assert [(column.name, column.type) for column in schema.columns] == [
        (name, table.sql_type(name)) for name in table.columns
    ]
    assert all(column.description for column in schema.columns)
    specs = {spec.key: spec for check in defs.asset_checks or () for spec in check.check_specs}
    assert specs[dg.AssetCheckKey(spec.key, "declaration")].blocking


def test_jobs_and_schedules_are_there_and_off() -> None:
    schedules = {schedule.name: schedule for schedule in defs.schedules or ()}
    assert {name: schedule.cron_schedule for name, schedule in schedules.items()} == {
        "metadata_hourly": "7 * * * *",
        "prices_every_minute": "* * * * *",
    }
    assert {schedule.default_status for schedule in schedules.values()} == {dg.DefaultScheduleStatus.STOPPED}
    for job in ("run_once", "refresh_metadata", "sample_minute", "import_files", "rebuild"):
        assert defs.resolve_job_def(job).executor_def.name == "in_process"


@pytest.fixture(scope="module")
def new_warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    warehouse = Warehouse(tmp_path_factory.mktemp("new") / "warehouse.duckdb", "live")
    with warehouse.connect():
        return warehouse


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_a_new_warehouse_has_the_declared_columns_and_keys(new_warehouse: Warehouse, table: Table) -> None:
    at = {"layer": table.layer, "name": table.name.partition(".")[2]}
    with new_warehouse.connect() as connection:
        columns = connection.rows(
            "select column_name, lower(data_type), is_nullable from duckdb_columns() "
            "where schema_name = $layer and table_name = $name order by column_index",
            **at,
        )
        constraints = connection.rows(
            "select constraint_type, constraint_column_names, referenced_table, referenced_column_names "
            "from duckdb_constraints() where schema_name = $layer and table_name = $name",
            **at,
        )
    found = {name: sql_type.replace(",", ", ") for name, sql_type, _ in columns}
    assert found == {name: table.sql_type(name) for name in table.columns}
    if table.view_of:
        return
    assert list(found) == list(table.columns)
    assert {name for name, _, nullable in columns if not nullable} == {
        name for name, column in table.columns.items() if not column.nullable
    }
    keys = {tuple(names) for kind, names, *_ in constraints if kind == "PRIMARY KEY"}
    unique = {tuple(names) for kind, names, *_ in constraints if kind == "UNIQUE"}
    foreign = {
        (tuple(names), f"{target}.{target_columns[0]}")
        for kind, names, target, target_columns in constraints
        if kind == "FOREIGN KEY"
    }
    if table.large:
        assert (keys, unique, foreign) == (set(), set(), set())
        return
    assert keys == {table.key}
    assert unique == {(name,) for name in table.unique}
    if table.layer != "mart":
        assert foreign == {((name,), target.partition(".")[2]) for name, target in table.references.items()}


def test_dagster_accepts_the_settings_of_a_home_and_telemetry_is_off(home: Home) -> None:
    with home.dagster_instance() as instance:
        assert not instance.telemetry_enabled
        assert not instance.nux_enabled
        assert instance.run_monitoring_enabled
        assert instance.run_monitoring_max_runtime_seconds > 0
        assert instance.run_retries_enabled
        assert instance.get_concurrency_config().pool_config.default_pool_limit == 1
    written = yaml.safe_load((home.path / "dagster" / "dagster.yaml").read_text(encoding="utf-8"))
    packaged = resources.files("binance_assets").joinpath("dagster.yaml").read_text(encoding="utf-8")
    assert written == yaml.safe_load(packaged)


def test_a_warehouse_of_the_other_source_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    with Warehouse(path, "sandbox").connect():
        pass
    with pytest.raises(WarehouseError, match="holds sandbox data"), Warehouse(path, "live").connect():
        pass


def test_an_older_duckdb_can_open_the_warehouse(tmp_path: Path) -> None:
    """The file is in the storage version that 1.5 writes, also when 2.0 made it."""
    warehouse = Warehouse(tmp_path / "warehouse.duckdb", "live")
    with warehouse.connect() as connection:
        [(tags,)] = connection.rows("select tags from duckdb_databases() where database_name = 'warehouse'")
    assert tags["storage_version"].startswith("v1.5")
