"""What `docs/connect.md` tells people to write: run as it stands there, on a real export."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from binance_assets.export.publish import publish
from binance_assets.export.selection import Scope
from binance_assets_tests.pipeline import MINUTE, NOON, PAIRS, ROOT, Pipeline
from binance_assets_tests.test_export_readers import READERS

BLOCKS = dict(
    re.findall(
        r"^## ([^\n]+)\n(?:(?!^## ).)*?^```python\n(.*?)^```",
        (ROOT / "docs" / "connect.md").read_text(encoding="utf-8"),
        re.DOTALL | re.MULTILINE,
    )
)
"""The programs by the headings that they stand below."""

SHOW = {
    "pandas": "[(at.to_pydatetime(), None if pd.isna(price) else price) for at, price in prices.items()]",
    "Polars": "[(row[0], row[1]) for row in prices.rows()]",
    "DuckDB in Python": "[(row[0], row[1]) for row in prices]",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `data/live/export`: of BTCUSDT four minutes, of which the second and third are a gap."""
    folder = tmp_path_factory.mktemp("connect")
    pipeline = Pipeline(folder / "data" / "live")
    pipeline.land_info(PAIRS)
    for number, price in ((0, "60000.00000001"), (3, "60003.5")):
        pipeline.land_prices({"BTCUSDT": price, "ETHBTC": "0.05"}, NOON + number * MINUTE)
    pipeline.update()
    publish(pipeline.store, Scope(watch_list=("BTCUSDT", "ETHBTC")))
    return folder


def test_every_program_of_the_document_is_run() -> None:
    assert set(BLOCKS) == set(SHOW)
    assert (ROOT / "docs" / "connect.md").read_text(encoding="utf-8").count("```python") == len(BLOCKS)


@pytest.mark.parametrize("tool", BLOCKS)
def test_a_program_of_the_document_finds_the_minutes_and_their_gap(folder: Path, tool: str) -> None:
    environment = dict(os.environ)
    if tool == "pandas" and not importlib.util.find_spec("pyarrow"):
        if not (READERS / "pyarrow").is_dir():
            pytest.skip("pyarrow is not here; `.ci/run` installs it beside the project and names it in EXPORT_READERS")
        environment["PYTHONPATH"] = str(READERS / "pyarrow")
    program = f"{BLOCKS[tool]}\nprint({SHOW[tool]})"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    expected = [
        (NOON, 60000.00000001),
        (NOON + MINUTE, None),
        (NOON + 2 * MINUTE, None),
        (NOON + 3 * MINUTE, 60003.5),
    ]
    assert done.stdout.strip() == repr(expected)
