"""The I/O manager of the small frames: whatever goes wrong, the last good table is still there."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pandas as pd
import pytest
from dagster_duckdb_pandas import DuckDBPandasIOManager

from binance_assets.home import Home
from binance_assets.warehouse.io_manager import WarehouseIOManager
from binance_assets_tests.pipeline import PAIRS, ROOT, Pipeline


def write(frame: pd.DataFrame, io_manager: dg.ConfigurableIOManagerFactory[Any]) -> dg.ExecuteInProcessResult:
    """A run that stores a frame as mart.dim_pair."""

    @dg.asset(key=["mart", "dim_pair"])
    def dim_pair() -> pd.DataFrame:
        return frame

    with dg.DagsterInstance.ephemeral() as instance:
        return dg.materialize([dim_pair], instance=instance, resources={"io_manager": io_manager}, raise_on_error=False)


@pytest.fixture
def pipeline(home: Home) -> Pipeline:
    """A home whose mart.dim_pair holds five good rows."""
    pipeline = Pipeline(home.store("live").path)
    pipeline.land_info(PAIRS)
    pipeline.update()
    return pipeline


def good_frame(pipeline: Pipeline) -> pd.DataFrame:
    with pipeline.warehouse.connect() as connection:
        return connection.frame("mart/dim_pair.sql")


def stored_pairs(pipeline: Pipeline) -> list[tuple[Any, ...]]:
    return pipeline.rows("from mart.dim_pair order by pair_key")


def assert_another_process_can_open(path: Path) -> None:
    script = f"import duckdb; duckdb.connect({str(path)!r}).execute('checkpoint')"
    subprocess.run([sys.executable, "-c", script], check=True, timeout=30)


def with_value(column: str, value: Any) -> Callable[[pd.DataFrame], pd.DataFrame]:
    def change(frame: pd.DataFrame) -> pd.DataFrame:
        changed = frame.copy()
        changed.loc[1, column] = value
        return changed

    return change


BAD_FRAMES: dict[str, tuple[Callable[[pd.DataFrame], pd.DataFrame], str]] = {
    "new column": (lambda frame: frame.assign(surprise=1), "surprise"),
    "missing column": (lambda frame: frame.drop(columns="quote_code"), "quote_code"),
    "renamed column": (lambda frame: frame.rename(columns={"base_code": "base"}), "base_code"),
    "wrong type": (with_value("pair_key", "first"), "pair_key"),
    "rule violated": (with_value("base_asset_type", "vegetable"), "vegetable"),
    "null": (with_value("symbol", None), "symbol"),
    "empty": (lambda frame: frame.iloc[:0], "would become empty"),
    "duplicate key": (with_value("pair_key", 1), "pair_key"),
    "duplicate symbol": (with_value("symbol", "BTCUSDT"), "BTCUSDT"),
}


@pytest.mark.parametrize("name", BAD_FRAMES)
def test_a_bad_frame_is_refused_and_the_last_good_table_is_still_there(pipeline: Pipeline, name: str) -> None:
    change, named = BAD_FRAMES[name]
    before = stored_pairs(pipeline)
    result = write(change(good_frame(pipeline)), WarehouseIOManager())
    assert not result.success
    [failure] = [event for event in result.all_events if event.is_step_failure]
    assert named in str(failure.step_failure_data.error)
    assert_another_process_can_open(pipeline.warehouse.path)
    assert stored_pairs(pipeline) == before


def test_an_empty_frame_is_no_loss_where_there_was_nothing(home: Home) -> None:
    """A home into which prices are imported before any metadata."""
    pipeline = Pipeline(home.store("live").path)
    assert write(good_frame(pipeline), WarehouseIOManager()).success
    assert stored_pairs(pipeline) == []


def test_reordered_columns_are_written_by_name(pipeline: Pipeline) -> None:
    frame = good_frame(pipeline)
    result = write(frame[frame.columns[::-1]].iloc[1:], WarehouseIOManager())
    assert result.success
    assert stored_pairs(pipeline) == [tuple(row) for row in frame.iloc[1:].itertuples(index=False)]
    assert_another_process_can_open(pipeline.warehouse.path)


KILLED_WRITER = """
import os, signal
from dagster_duckdb_pandas import DuckDBPandasTypeHandler
from binance_assets.warehouse.io_manager import WarehouseIOManager, WarehousePandasTypeHandler
from binance_assets_tests.test_io_manager import write
import pandas as pd

def die(self, context, table_slice, frame, connection):
    assert connection.execute("select count(*) from mart.dim_pair").fetchall() == [(0,)], "not after the deletion"
    os.kill(os.getpid(), signal.SIGKILL)

WarehousePandasTypeHandler.handle_output = die
write(pd.DataFrame({"pair_key": [1]}), WarehouseIOManager())
"""


def test_a_writer_that_is_killed_between_deletion_and_insertion_loses_nothing(pipeline: Pipeline) -> None:
    before = stored_pairs(pipeline)
    killed = subprocess.run(
        [sys.executable, "-c", KILLED_WRITER], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert killed.returncode == -9, killed.stderr
    assert_another_process_can_open(pipeline.warehouse.path)
    assert stored_pairs(pipeline) == before


def test_the_stock_io_manager_loses_the_table_and_swaps_columns(tmp_path: Path) -> None:
    """Why there is one of our own. When this fails, dagster-duckdb-pandas has become safe."""
    database = tmp_path / "stock.duckdb"
    stock = DuckDBPandasIOManager(database=str(database))
    good = pd.DataFrame({"base": ["BTC", "ETH"], "quote": ["USDT", "BTC"]})

    def stored() -> list[tuple[Any, ...]]:
        # As it connects, since it leaves its connection open when it fails.
        with duckdb.connect(database, config={"custom_user_agent": "dagster"}) as duck:
            return duck.execute("from mart.dim_pair").fetchall()

    assert write(good, stock).success
    assert write(good[["quote", "base"]], stock).success
    assert stored() == [("USDT", "BTC"), ("BTC", "ETH")], "it no longer inserts by position"
    assert not write(good.assign(surprise=1), stock).success
    assert stored() == [], "it no longer deletes before it fails"
