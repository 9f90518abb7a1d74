"""What Dagster loads, and that the tables of a new warehouse are what their declarations say."""

import os
import subprocess
import sys
from graphlib import TopologicalSorter
from importlib import resources
from pathlib import Path

import dagster as dg
import pytest
import yaml

from binance_assets.assets import column_schema
from binance_assets.catalog import TABLES
from binance_assets.catalog import table as table_named
from binance_assets.definitions import defs
from binance_assets.home import Home
from binance_assets.runs import SWITCH
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
    assert spec.group_name in {name.partition("/")[0], "candles"}
    assert spec.kinds


def test_groups_depend_on_each_other_in_one_direction() -> None:
    """Else the UI lays them out against the way of the data."""
    graph = defs.resolve_asset_graph()
    nodes = [graph.get(key) for key in graph.get_all_asset_keys()]
    before: dict[str, set[str]] = {node.group_name: set() for node in nodes}
    for node in nodes:
        before[node.group_name] |= {graph.get(key).group_name for key in node.parent_keys} - {node.group_name}
    order = list(TopologicalSorter(before).static_order())
    assert [group for group in order if group in {"landing", "raw", "core", "candles", "mart"}] == [
        "landing",
        "raw",
        "core",
        "candles",
        "mart",
    ]


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


JOBS_AND_SWITCHES = """
from binance_assets.definitions import defs
for it in [*defs.schedules, *defs.sensors]:
    print(it.name, it.job_name, getattr(it, "cron_schedule", ""), it.default_status.value, sep="|")
"""


@pytest.mark.parametrize("by_itself", [False, True], ids=["dev", "service"])
def test_what_runs_by_itself_does_so_under_the_service_only(by_itself: bool) -> None:
    environment = {**os.environ, **({SWITCH: "1"} if by_itself else {})}
    printed = subprocess.run(
        [sys.executable, "-c", JOBS_AND_SWITCHES], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    ).stdout
    status = "RUNNING" if by_itself else "STOPPED"
    assert printed.splitlines() == [
        f"refresh_hourly|refresh|7 * * * *|{status}",
        f"refresh_all_six_hourly|refresh_all|25 3,9,15,21 * * *|{status}",
        f"seal_daily|seal_days|40 12 * * *|{status}",
        f"keep_house_daily|keep_house|50 3 * * *|{status}",
        f"follow_archive_daily|follow_archive|20 10 * * *|{status}",
        f"keep_collecting|collect||{status}",
        f"repair_gaps_sensor|repair_gaps||{status}",
        f"fill_new_home|refresh_all||{status}",
    ]


def test_every_job_runs_in_one_process() -> None:
    jobs = defs.resolve_all_job_defs()
    assert {job.name for job in jobs} >= {"collect", "run_once", "refresh", "refresh_all", "seal_days", "keep_house"}
    assert {job.executor_def.name for job in jobs} == {"in_process"}


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
    if table.is_view:
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
        assert foreign == {
            ((name,), target.partition(".")[2])
            for name, target in table.references.items()
            if not table_named(target.rpartition(".")[0]).is_view
        }


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
